//go:build !js

package tcp_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/hisock/hisock/tcp"
)

// A server on a free port that sends the bytes of its only client back.
func Example() {
	l, err := tcp.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer conn.Close()
		_, err = io.Copy(conn, conn)
		served <- err
	}()

	conn, err := tcp.Dialer(l.Addr(), nil).Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WriteBuffers([][]byte{[]byte("hello, "), []byte("socket")}); err != nil {
		log.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, error %v\n", answer, <-served)
	// Output: hello, socket, error <nil>
}
