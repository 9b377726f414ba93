//go:build !js

//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package ws

import (
	"context"
	"net"
	"net/http"

	"nhooyr.io/websocket"
)

// Only this file uses the library that makes handshakes. The library's successor has the same
// calls under another import path. The library never gets a real connection: it gets a dead one in its place,
// so the WebSocket that it makes ends at once and keeps no memory.

// acceptHandshake answers a handshake. If the handshake is valid, it hijacks w, and otherwise it answers on w.
// The caller has decided already who may connect. The library's patterns are not used, because the pattern
// *example.com matches evil-example.com.
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

// dialHandshake makes a handshake through c. If it fails it may return a response, whose
// body has at most 1024 bytes.
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

// A dead is the connection that the library gets in place of a real one.
type dead struct{ net.Conn } // nil; the library uses only the methods below

func (dead) Read([]byte) (int, error)  { return 0, net.ErrClosed }
func (dead) Write([]byte) (int, error) { return 0, net.ErrClosed }
func (dead) Close() error              { return nil }
