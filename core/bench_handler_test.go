//go:build !js

package core

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A position is a typical message with a few fields.
type position struct {
	Ship  string  `json:"ship"`
	Lat   float64 `json:"lat"`
	Lon   float64 `json:"lon"`
	Speed int     `json:"speed"`
	Moors bool    `json:"moors"`
}

const positionJSON = `{"ship":"Fram","lat":59.904217,"lon":10.698712,"speed":7,"moors":false}`

// BenchmarkHandler runs the handler of commands that have been read, 64 at a time: parsing, finding
// the handler, converting, running. "json alone" is the cost of encoding/json for the same message.
func BenchmarkHandler(b *testing.B) {
	b.Run("json alone", func(b *testing.B) {
		b.ReportAllocs()
		payload := []byte(positionJSON)
		for b.Loop() {
			var p position
			if err := json.Unmarshal(payload, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
	handlers := map[string]func(srv *Server, n *int){
		"struct": func(srv *Server, n *int) {
			On(srv, "moved", func(_ context.Context, _ *Conn, p position) error { *n += p.Speed; return nil })
		},
		"string": func(srv *Server, n *int) {
			On(srv, "moved", func(_ context.Context, _ *Conn, p string) error { *n += 7; return nil })
		},
		"bytes": func(srv *Server, n *int) {
			srv.OnBytes("moved", func(context.Context, *Conn, []byte) error { *n += 7; return nil })
		},
		"bytes, answered": func(srv *Server, n *int) {
			srv.OnBytes("moved", func(_ context.Context, c *Conn, b []byte) error {
				*n += 7
				return c.SendBytes("moved", b)
			})
		},
	}
	for name, register := range handlers {
		b.Run(name, func(b *testing.B) { benchmarkHandler(b, false, register) })
	}
	b.Run("call", func(b *testing.B) {
		benchmarkHandler(b, true, func(srv *Server, n *int) {
			srv.HandleBytes("moved", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { *n += 7; return b, nil })
		})
	})
}

// A hole is a connection that drops all bytes that are written.
type hole struct{ transport.Conn }

func (hole) Write(p []byte) (int, error)                     { return len(p), nil }
func (hole) WriteBuffers(bufs [][]byte) (n int64, err error) { return 0, nil }

func benchmarkHandler(b *testing.B, calls bool, register func(srv *Server, n *int)) {
	const batch = 64
	srv, speeds := newTestServer(nil), 0
	register(srv, &speeds)
	srv.freeze()
	near, _ := transport.Pipe()
	c := newConn(b.Context(), srv.eng, 1, hole{near})
	c.peer.maxFrame, c.server = wire.DefaultMaxFrame, true
	rd := &reader{link: c.sess.Link()}
	c.rd = rd
	for id := range uint64(batch) {
		if calls {
			rd.buf = wire.AppendRequest(rd.buf, id+1, "moved", []byte(positionJSON))
			continue
		}
		rd.buf = wire.AppendCommand(rd.buf, "moved", []byte(positionJSON))
	}
	b.ReportAllocs()
	runs := 0
	for b.Loop() {
		if runs%batch == 0 {
			rd.r, rd.w = 0, len(rd.buf)
			c.batch(rd)
		}
		runs++
	}
	require.Equal(b, (runs+batch-1)/batch*batch*7, speeds)
}
