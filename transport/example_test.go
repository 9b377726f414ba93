package transport_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/hisock/hisock/transport"
)

func ExamplePipe() {
	a, b := transport.Pipe()
	defer a.Close()
	defer b.Close()

	if _, err := a.WriteBuffers([][]byte{[]byte("hello, "), []byte("pipe")}); err != nil {
		log.Fatal(err)
	}
	if err := a.CloseWrite(); err != nil {
		log.Fatal(err)
	}
	got, err := io.ReadAll(b)
	fmt.Printf("%s %v\n", got, err)
	// Output: hello, pipe <nil>
}

func ExamplePipeListener() {
	l := transport.NewPipeListener()
	defer l.Close()

	here, err := l.Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer here.Close()
	there, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()
	fmt.Println(here.Info().Local, "->", there.Info().Local)
	// Output: pipe:1 -> pipe
}
