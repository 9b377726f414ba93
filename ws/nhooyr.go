//go:build !js

//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package ws

import (
	"context"
	"errors"
	"io"
	"net/http"

	"nhooyr.io/websocket"
)

// A socket speaks the WebSocket protocol over a [link]. This file is all that knows
// the library that does it; its successor has the same calls under another
// import path, and something that owns the bytes itself would replace these methods.
//
// One goroutine may call next and read from what it returns while another writes. No
// caller's context ever comes here, because one that ends would end the connection
// with it: deadlines are the link's.
type socket struct{ conn *websocket.Conn }

// acceptSocket answers a handshake, on w if it fails. Who may connect has
// been decided before, and not by the library's patterns, of which *example.com
// matches evil-example.com.
func acceptSocket(w http.ResponseWriter, r *http.Request) (socket, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return socket{}, err
	}
	return newSocket(conn), nil
}

// dialSocket makes a handshake. The context bounds only that. With an error it may
// return a response, whose body holds at most 1024 bytes.
func dialSocket(ctx context.Context, url string, c *http.Client, h http.Header) (socket, *http.Response, error) {
	conn, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:      c,
		HTTPHeader:      h,
		Host:            h.Get("Host"),
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return socket{}, response, err
	}
	return newSocket(conn), response, nil
}

func newSocket(conn *websocket.Conn) socket {
	conn.SetReadLimit(-1) // the limit is by frame of hisock, not by message
	return socket{conn}
}

// next waits for the next binary message and returns a reader of it, which must be
// read up to its end. It answers control frames meanwhile. Its errors are
// [*CloseError], [ErrText] and whatever the link returned.
func (s socket) next() (io.Reader, error) {
	kind, message, err := s.conn.Reader(context.Background())
	if err != nil {
		return nil, closeError(err)
	}
	if kind != websocket.MessageBinary {
		return nil, ErrText
	}
	return message, nil
}

// closeError finds the close frame in an error of the library.
func closeError(err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return &CloseError{Code: int(closed.Code), Reason: closed.Reason}
	}
	return err
}

// write sends p as a message of one frame.
func (s socket) write(p []byte) error {
	return s.conn.Write(context.Background(), websocket.MessageBinary, p)
}

// writeParts sends bufs as one message, each in a frame of its own.
func (s socket) writeParts(bufs [][]byte) error {
	message, err := s.conn.Writer(context.Background(), websocket.MessageBinary)
	if err != nil {
		return err
	}
	for _, p := range bufs {
		if len(p) == 0 {
			continue
		}
		if _, err := message.Write(p); err != nil {
			return err
		}
	}
	return message.Close()
}

// drop releases what the library holds, its goroutine included, and waits for that.
// The link has been closed before: then nothing in the library can block.
func (s socket) drop() { s.conn.CloseNow() }
