//go:build !js

package ws_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/hisock/hisock/ws"
)

// A server that echoes one connection. Package core serves many: see core.Server.
func Example() {
	l, err := ws.NewListener(&ws.Options{OnReject: func(_ *http.Request, err error) { fmt.Println(err) }})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", l)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: mux}
	go server.Serve(inner)
	defer server.Close()
	defer l.Close()

	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c)
	}()

	c, err := ws.Dialer("ws://"+inner.Addr().String()+"/ws", nil).Dial(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.WriteBuffers([][]byte{[]byte("hello, "), []byte("ada")})
	got := make([]byte, len("hello, ada"))
	io.ReadFull(c, got)
	fmt.Println(string(got))

	c.CloseWrite()
	<-echoed

	// Output: hello, ada
}

// A listener and a dialer that compress what they write from 1 KiB on.
func ExampleCompression() {
	l, err := ws.NewListener(&ws.Options{Compression: &ws.Compression{Threshold: 1 << 10}})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: l}
	go server.Serve(inner)
	defer server.Close()

	go func() {
		c, err := ws.Dialer("ws://"+inner.Addr().String(), &ws.DialOptions{Compression: &ws.Compression{Threshold: 1 << 10}}).Dial(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, strings.Repeat("hello ", 1000))
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}()
	c, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	c.CloseWrite()
	fmt.Println(len(got), err)
	// Output: 6000 <nil>
}
