//go:build !js

package core_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/ws"
)

// A page whose origin can be and is not let in is told so in a WebSocket, for it sees no other answer.
// What no browser sends gets an answer of HTTP.
func TestForeignOrigin(t *testing.T) {
	for origin, isPage := range map[string]bool{
		"https://evil.example": true, "http://localhost.evil.example": true, "null": true, "http://127.0.0.1": true,
		"file://": false, "http://" + nasty["C1 control"]: false, "not an origin": false, "http://" + nasty["line separator"]: false,
	} {
		t.Run(strconv.QuoteToASCII(origin), func(t *testing.T) {
			n := open(t, "ws")
			s := newScene(t, n, nil)
			p, response := n.upgrade(t, "Origin: "+origin)
			var reason string
			if isPage {
				require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
				p.frame(opBinary, hello(wire.Hello{Name: "page"}))
				op, said := p.want()
				require.EqualValues(t, opBinary, op)
				f, size, ok, err := wire.Next(said, wire.DefaultMaxFrame)
				require.NoError(t, err)
				require.True(t, ok)
				require.Len(t, said, size)
				require.Equal(t, wire.KindRefuse, f.Kind)
				why, err := wire.ParseRefuse(f.Body)
				require.NoError(t, err)
				require.Equal(t, core.CodeUnauthorized, why.Code)
				reason = why.Reason
				op, said = p.want()
				require.EqualValues(t, opClose, op)
				require.EqualValues(t, 1008, binary.BigEndian.Uint16(said))
				require.NoError(t, p.Conn.Close())
			} else {
				require.Equal(t, http.StatusForbidden, response.StatusCode)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				reason = string(body)
			}
			require.Contains(t, reason, "origin")
			requireLoggable(t, strings.TrimSpace(reason))

			var rejected *ws.RejectError
			require.ErrorAs(t, next(t, n.rejected), &rejected)
			require.Equal(t, response.StatusCode, rejected.Status)
			requireLoggable(t, rejected.Error())
			s.check()
			s.wantQuiet() // it never got as far as the server
		})
	}
}

func TestOwnOrigin(t *testing.T) {
	n := open(t, "ws")
	s := newScene(t, n, nil)
	p, response := n.upgrade(t, "Origin: http://"+n.addr)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	p.frame(opBinary, hello(wire.Hello{Name: "page"}))
	s.wantJoin("page")
	op, _ := p.want()
	require.EqualValues(t, opBinary, op)
}

// A text message is not for this library, whenever it comes.
func TestTextMessage(t *testing.T) {
	const reason = "only binary messages are understood"
	t.Run("instead of a hello", func(t *testing.T) {
		n := open(t, "ws")
		s := newScene(t, n, nil)
		p := n.socket(t)
		p.frame(opText, []byte("hello "+nasty["escape sequence"]))
		p.wantClose(1003, reason)
		s.wantRefused(core.CodeConnLost, reason)
		s.check()
		s.wantQuiet()
	})
	t.Run("from a client", func(t *testing.T) {
		n := open(t, "ws")
		s := newScene(t, n, nil)
		p := n.socket(t)
		p.frame(opBinary, hello(wire.Hello{Name: "mallory"}))
		s.wantJoin("mallory")
		p.frame(opText, []byte(everyNasty()))
		p.wantClose(1003, reason)
		why := s.wantLeft("mallory", core.CodeConnLost)
		require.ErrorIs(t, why, ws.ErrText)
		s.check()
		s.wantQuiet()
	})
}

// What is no WebSocket frame ends the connection, and nothing else.
func TestBadWebSocketFrames(t *testing.T) {
	tests := map[string]struct {
		in   []byte
		code int // of the close frame; 0 if none is promised
	}{
		"without a mask":        {append([]byte{0x82, 3}, "abc"...), 0},
		"reserved opcode":       {[]byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		"reserved bit":          {[]byte{0xc2, 0x80, 0, 0, 0, 0}, 1002},
		"continuation of none":  {[]byte{0x80, 0x80, 0, 0, 0, 0}, 1002},
		"fragmented ping":       {[]byte{0x09, 0x80, 0, 0, 0, 0}, 1002},
		"long ping":             {[]byte{0x89, 0xfe, 0, 200, 0, 0, 0, 0}, 1002},
		"length with high bit":  {append([]byte{0x82, 0xff}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), 0},
		"close of one byte":     {[]byte{0x88, 0x81, 0, 0, 0, 0, 3}, 0},
		"close with a bad code": {[]byte{0x88, 0x82, 0, 0, 0, 0, 0, 1}, 0},
		"close not in UTF-8":    {[]byte{0x88, 0x84, 0, 0, 0, 0, 0x03, 0xe8, 0xff, 0xfe}, 0},
		"close with escapes":    {append([]byte{0x88, 0x80 | 2 + 9, 0, 0, 0, 0, 0x0f, 0xa0}, "\x1b[31m\nred"...), 4000},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := open(t, "ws")
			s := newScene(t, n, nil)
			p := n.socket(t)
			p.frame(opBinary, hello(wire.Hello{Name: "mallory"}))
			s.wantJoin("mallory")
			p.bytes(tc.in)
			if tc.code != 0 {
				op, payload := p.want()
				for op == opBinary {
					op, payload = p.want()
				}
				require.EqualValues(t, opClose, op)
				require.Equal(t, tc.code, int(binary.BigEndian.Uint16(payload)))
			}
			require.NoError(t, p.Close())
			s.wantLeft("mallory", core.CodeConnLost)
			s.check()
			s.wantQuiet()
		})
	}
}

// A flood of empty messages and pings is no input at all, and costs only its own connection.
func TestEmptyWebSocketMessages(t *testing.T) {
	n := open(t, "ws")
	s := newScene(t, n, nil)
	p := n.socket(t)
	p.frame(opBinary, hello(wire.Hello{Name: "mallory"}))
	s.wantJoin("mallory")
	for range 2000 {
		p.frame(opBinary, nil)
	}
	p.frame(opPing, []byte("are you there"))
	s.check()
	for {
		if op, payload := p.want(); op == opPong {
			require.Equal(t, "are you there", string(payload))
			break
		}
	}
	p.frame(opBinary, wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
	p.wantClose(1000, "")
	s.wantLeft("mallory", core.CodeClosed)
	s.check()
	s.wantQuiet()
}
