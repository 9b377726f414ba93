//go:build !js

package hostile_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/ws"
)

// A page whose origin is not let in is told so in a WebSocket: a page sees no other answer. An origin
// that no browser sends is answered in HTTP.
func TestForeignOrigin(t *testing.T) {
	for origin, isPage := range map[string]bool{
		"https://evil.example": true, "http://localhost.evil.example": true, "null": true, "http://127.0.0.1": true,
		"file://": false, "http://" + coretest.Nasty["C1 control"]: false, "not an origin": false, "http://" + coretest.Nasty["line separator"]: false,
	} {
		t.Run(strconv.QuoteToASCII(origin), func(t *testing.T) {
			n := harness.Open(t, "ws")
			s := harness.NewScene(t, n, nil)
			p, response := n.Upgrade(t, "Origin: "+origin)
			var reason string
			if isPage {
				require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
				p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{Name: "page"}))
				op, said := p.Want()
				require.EqualValues(t, harness.OpBinary, op)
				f, size, ok, err := wire.Next(said, wire.DefaultMaxFrame)
				require.NoError(t, err)
				require.True(t, ok)
				require.Len(t, said, size)
				require.Equal(t, wire.KindRefuse, f.Kind)
				why, err := wire.ParseRefuse(f.Body)
				require.NoError(t, err)
				require.Equal(t, core.CodeUnauthorized, why.Code)
				reason = why.Reason
				op, said = p.Want()
				require.EqualValues(t, harness.OpClose, op)
				require.EqualValues(t, 1008, binary.BigEndian.Uint16(said))
				require.NoError(t, p.Conn.Close())
			} else {
				require.Equal(t, http.StatusForbidden, response.StatusCode)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				reason = string(body)
			}
			require.Contains(t, reason, "origin")
			coretest.RequireLoggable(t, strings.TrimSpace(reason))

			var rejected *ws.RejectError
			require.ErrorAs(t, coretest.Next(t, n.Rejected), &rejected)
			require.Equal(t, response.StatusCode, rejected.Status)
			coretest.RequireLoggable(t, rejected.Error())
			s.Check()
			s.WantQuiet() // it has not reached the server
		})
	}
}

func TestOwnOrigin(t *testing.T) {
	n := harness.Open(t, "ws")
	s := harness.NewScene(t, n, nil)
	p, response := n.Upgrade(t, "Origin: http://"+n.Addr)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{Name: "page"}))
	s.WantJoin("page")
	op, _ := p.Want()
	require.EqualValues(t, harness.OpBinary, op)
}

// A text message is refused at any time.
func TestTextMessage(t *testing.T) {
	const reason = "only binary messages are understood"
	t.Run("instead of a hello", func(t *testing.T) {
		n := harness.Open(t, "ws")
		s := harness.NewScene(t, n, nil)
		p := n.Socket(t)
		p.Frame(harness.OpText, []byte("hello "+coretest.Nasty["escape sequence"]))
		p.WantClose(1003, reason)
		s.WantRefused(core.CodeConnLost, reason)
		s.Check()
		s.WantQuiet()
	})
	t.Run("from a client", func(t *testing.T) {
		n := harness.Open(t, "ws")
		s := harness.NewScene(t, n, nil)
		p := n.Socket(t)
		p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{Name: "mallory"}))
		s.WantJoin("mallory")
		p.Frame(harness.OpText, []byte(coretest.EveryNasty()))
		p.WantClose(1003, reason)
		why := s.WantLeft("mallory", core.CodeConnLost)
		require.ErrorIs(t, why, ws.ErrText)
		s.Check()
		s.WantQuiet()
	})
}

// A bad WebSocket frame ends its own connection, and no other.
func TestBadWebSocketFrames(t *testing.T) {
	tests := map[string]struct {
		in   []byte
		code int // code of the close frame; 0 if none is promised
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
			n := harness.Open(t, "ws")
			s := harness.NewScene(t, n, nil)
			p := n.Socket(t)
			p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{Name: "mallory"}))
			s.WantJoin("mallory")
			p.Bytes(tc.in)
			if tc.code != 0 {
				op, payload := p.Want()
				for op == harness.OpBinary {
					op, payload = p.Want()
				}
				require.EqualValues(t, harness.OpClose, op)
				require.Equal(t, tc.code, int(binary.BigEndian.Uint16(payload)))
			}
			require.NoError(t, p.Close())
			s.WantLeft("mallory", core.CodeConnLost)
			s.Check()
			s.WantQuiet()
		})
	}
}

// A flood of empty messages and pings is no input, and ends only its own connection.
func TestEmptyWebSocketMessages(t *testing.T) {
	n := harness.Open(t, "ws")
	s := harness.NewScene(t, n, nil)
	p := n.Socket(t)
	p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{Name: "mallory"}))
	s.WantJoin("mallory")
	for range 2000 {
		p.Frame(harness.OpBinary, nil)
	}
	p.Frame(harness.OpPing, []byte("are you there"))
	s.Check()
	for {
		if op, payload := p.Want(); op == harness.OpPong {
			require.Equal(t, "are you there", string(payload))
			break
		}
	}
	p.Frame(harness.OpBinary, wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
	p.WantClose(1000, "")
	s.WantLeft("mallory", core.CodeClosed)
	s.Check()
	s.WantQuiet()
}
