//go:build !js

// Command testpeer is the peer of other WebSocket implementations in tests: it sends
// the bytes of a stream back. Without an argument it listens, prints its address as a
// line, and ends when its standard input ends. With a URL it connects to that URL, prints the error with
// which the stream has ended as a line, and ends. With "-compress" as first argument it compresses what it sends, if the peer can
// do that too.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testpeer:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	var compression *ws.Compression
	if len(args) > 0 && args[0] == "-compress" {
		args, compression = args[1:], &ws.Compression{}
	}
	switch len(args) {
	case 0:
		return listen(compression, stdin, stdout)
	case 1:
		return dial(args[0], compression, stdout)
	}
	return errors.New("usage: testpeer [-compress] [URL]")
}

func listen(compression *ws.Compression, stdin io.Reader, stdout io.Writer) error {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l, err := ws.NewListener(&ws.Options{Compression: compression})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(inner) }) //nolint:errcheck // it ends by Close
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := ws.Request(c.Info())
			enough, _ := strconv.Atoi(r.URL.Query().Get("enough"))
			serving.Go(func() { echo(c, enough) })
		}
	})
	fmt.Fprintln(stdout, "ws://"+inner.Addr().String())
	_, err = io.Copy(io.Discard, stdin)
	l.Close()
	server.Close()
	serving.Wait()
	return err
}

func dial(url string, compression *ws.Compression, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := ws.Dialer(url, &ws.DialOptions{Compression: compression}).Dial(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, echo(c, 0))
	return nil
}

// echo sends bytes back until the stream ends, and returns the error of the end. After enough bytes, if
// enough is not 0, it ends its direction of the stream.
func echo(c transport.Conn, enough int) error {
	defer c.Close()
	buf := make([]byte, 32<<10)
	for sent := 0; ; {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if _, err := c.WriteBuffers([][]byte{buf[:n/2], buf[n/2 : n]}); err != nil {
			return err
		}
		if sent += n; sent == enough {
			if err := c.CloseWrite(); err != nil {
				return err
			}
		}
	}
}
