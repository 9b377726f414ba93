package wire_test

import (
	"fmt"

	"github.com/hisock/hisock/core/wire"
)

// A reader takes complete frames off its buffer and keeps the rest.
func ExampleNext() {
	buf := wire.AppendCommand(nil, "say", []byte("hello"))
	buf = wire.AppendPing(buf, 7)
	buf = append(buf, wire.AppendRaw(nil, []byte("cut off"))[:4]...)

	for {
		f, size, ok, err := wire.Next(buf, wire.DefaultMaxFrame)
		if err != nil {
			fmt.Println(err)
			return
		}
		if !ok {
			fmt.Printf("%d of %d bytes so far\n", len(buf), size)
			return
		}
		switch f.Kind {
		case wire.KindCommand:
			name, payload, err := wire.ParseCommand(f.Body)
			fmt.Printf("%s: %s %s %v\n", f.Kind, name, payload, err)
		case wire.KindPing:
			nonce, err := wire.ParseNonce(f.Body)
			fmt.Println(f.Kind, nonce, err)
		}
		buf = buf[size:]
	}
	// Output:
	// command: say hello <nil>
	// ping 7 <nil>
	// 4 of 9 bytes so far
}

func ExampleValidName() {
	fmt.Println(wire.ValidName("Zoë", 0))
	fmt.Println(wire.ValidName("eve\x1b[31m", 0))
	// Output:
	// <nil>
	// wire: name "eve\x1b[31m": control character "\x1b" at byte 3
}
