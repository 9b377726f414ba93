package ws

import (
	"strconv"
	"syscall/js"
)

// quote returns foreign text for an error, quoted and in printable ASCII. It uses JSON.stringify, because
// strconv.Quote would make the browser build larger.
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
