package ws

import (
	"strconv"
	"syscall/js"
)

// quote shows text from elsewhere in an error, in printable ASCII. The browser has most of
// that code already.
func quote(s string) string {
	var b []byte
	for _, r := range js.Global().Get("JSON").Call("stringify", s).String() {
		if r < 0x7f {
			b = append(b, byte(r))
			continue
		}
		b = append(b, `\u{`...)
		b = append(strconv.AppendInt(b, int64(r), 16), '}')
	}
	return string(b)
}
