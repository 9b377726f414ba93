//go:build !js

//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package ws

import (
	"context"
	"net"
	"net/http"

	"nhooyr.io/websocket"
)

// This file is all that knows the library that shakes hands; its successor has the same
// calls under another import path. It never sees a connection: in place of one it gets
// something dead, so that what it makes of a handshake ends at once and keeps nothing.

// acceptHandshake answers a handshake, on w if it fails; else it hijacks w. Who may connect
// has been decided before, and not by the library's patterns, of which *example.com
// matches evil-example.com.
func acceptHandshake(w http.ResponseWriter, r *http.Request) error {
	made, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err == nil {
		made.CloseNow()
	}
	return err
}

// dialHandshake makes a handshake through c. With an error it may return a response, whose
// body holds at most 1024 bytes.
func dialHandshake(ctx context.Context, url string, c *http.Client, h http.Header) (*http.Response, error) {
	made, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:      c,
		HTTPHeader:      h,
		Host:            h.Get("Host"),
		CompressionMode: websocket.CompressionDisabled,
	})
	if err == nil {
		made.CloseNow()
	}
	return response, err
}

// dead is what the library gets in place of a connection.
type dead struct{ net.Conn } // nil: this is all that the library uses

func (dead) Read([]byte) (int, error)  { return 0, net.ErrClosed }
func (dead) Write([]byte) (int, error) { return 0, net.ErrClosed }
func (dead) Close() error              { return nil }
