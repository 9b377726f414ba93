//go:build !js

package files_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/files"
	"github.com/hisock/hisock/transport"
)

// A client sends the bytes of a reader, and the server writes them to a buffer. With [Open] and [Folder.Create] in
// place of the reader and the buffer, both ends have a file, and a transfer that was cut goes on.
func Example() {
	var got bytes.Buffer
	srv, err := core.NewServer(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	core.HandleByteStream(srv, "upload", func(ctx context.Context, _ *core.Conn, name string, s *core.ByteStream) error {
		_, err := files.Receive(ctx, s, files.NewTarget(&got), &files.Options{MaxSize: 1000})
		return err
	})
	l := transport.NewPipeListener()
	go srv.Serve(context.Background(), l) //nolint:errcheck // it ends with the listener
	ctx := context.Background()
	defer srv.Shutdown(ctx) //nolint:errcheck // the example is over

	client, err := core.NewClient(l, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	if err := client.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	from, err := files.NewSource(strings.NewReader("content of any size"), -1)
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := files.Upload(ctx, client, "upload", "name.txt", from, nil)
	fmt.Println(receipt.Size, receipt.Sum()[:8], err)
	fmt.Println(got.String())
	// Output:
	// 19 6c420a92 <nil>
	// content of any size
}
