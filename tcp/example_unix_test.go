//go:build unix

package tcp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hisock/hisock/tcp"
)

// A listener of another package, here of a Unix socket. Each client gets an address of its own.
func ExampleNewListener() {
	dir, err := os.MkdirTemp("", "hisock")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "chat.sock")
	inner, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	l, err := tcp.NewListener(inner, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	d := tcp.Dialer("chat", &tcp.Options{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}})
	here, err := d.Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	there, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()
	if _, err := here.Write([]byte("hello")); err != nil {
		log.Fatal(err)
	}
	here.Close()
	got, err := io.ReadAll(there)
	fmt.Println(string(got), err, strings.HasPrefix(there.Info().Remote, "unix:#"))
	// Output: hello <nil> true
}
