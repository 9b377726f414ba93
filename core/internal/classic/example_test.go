package classic_test

import (
	"fmt"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// A server takes the hello, and then the client's commands.
func ExampleNext() {
	buf := classic.AppendHello(nil, 0, classic.Hello{Name: classic.LabelOf("ada")})
	buf = classic.AppendCommand(buf, 0, "say", []byte("hello"))
	buf = append(buf, classic.AppendFrame(nil, 0, []byte("cut off"))[:19]...)

	joined := false
	for {
		payload, size, ok, err := classic.Next(buf, 0, wire.DefaultMaxFrame)
		if err != nil {
			fmt.Println(err)
			return
		}
		if !ok {
			fmt.Printf("%d of %d bytes so far\n", len(buf), size)
			return
		}
		if !joined {
			h, err := classic.ParseHello(payload)
			fmt.Printf("%+v %v\n", h, err)
			joined = true
		} else if name, content, ok := classic.SplitCommand(payload); ok {
			fmt.Printf("command %s: %s\n", name, content)
		} else {
			fmt.Printf("raw: %s\n", payload)
		}
		buf = buf[size:]
	}
	// Output:
	// {Name:{Text:ada Set:true} Group:{Text: Set:false}} <nil>
	// command say: hello
	// 19 of 23 bytes so far
}

func ExampleAppendConnected() {
	frame := classic.AppendConnected(nil, 0, classic.Presence{
		IP: "127.0.0.1", Port: 45362, Name: classic.LabelOf("Zoë"),
	})
	fmt.Printf("%s\n", frame)
	// Output:
	// 73              $CLTCONN$ {"ip": ["127.0.0.1", 45362], "name": "Zo\u00eb", "group": null}
}

func ExampleCheckCommand() {
	fmt.Println(classic.CheckCommand("say"))
	fmt.Println(classic.CheckCommand("$CLTCONN$"))
	// Output:
	// <nil>
	// wire: classic command "$CLTCONN$": looks like a marker
}

func Example_typed() {
	frame, err := classic.AppendTyped(nil, 0, "sum", classic.FormJSON, []byte("[20, 22]"))
	fmt.Printf("%q %v\n", frame, err)

	payload, _, _, _ := classic.Next(frame, 0, 0)
	name, body := classic.SplitTyped(payload)
	content, _, err := classic.ParseBody(body, 0)
	fmt.Printf("%s %s %v\n", name, content, err)

	// Output:
	// "30              $CMD$sum$MSG$5       l2i2i2022" <nil>
	// sum [20,22] <nil>
}
