//go:build !js

package harness

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
)

const (
	OpText   = 0x1
	OpBinary = 0x2
	OpClose  = 0x8
	OpPing   = 0x9
	OpPong   = 0xa
)

// A Socket is a WebSocket by hand, over plain TCP.
type Socket struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// Upgrade asks for a WebSocket, with more headers if there are any, and returns the answer.
func (n *Network) Upgrade(t *testing.T, headers ...string) (*Socket, *http.Response) {
	t.Helper()
	c := n.Knock(t)
	request := append([]string{
		"GET /ws HTTP/1.1", "Host: " + n.Addr, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
	}, headers...)
	_, err := io.WriteString(c, strings.Join(request, "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	return &Socket{t, c, r}, response
}

// Socket is Upgrade for a peer that must be let in.
func (n *Network) Socket(t *testing.T) *Socket {
	t.Helper()
	p, response := n.Upgrade(t)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	return p
}

// Frame sends a complete message in one frame, with a mask of zeros.
func (p *Socket) Frame(op byte, payload []byte) {
	p.t.Helper()
	b := []byte{0x80 | op}
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	b = append(append(b, 0, 0, 0, 0), payload...)
	p.Bytes(b)
}

// Bytes writes bytes as they are.
func (p *Socket) Bytes(b []byte) {
	p.t.Helper()
	_, err := p.Write(b)
	require.NoError(p.t, err)
}

// Want returns the next frame of a server, which must have no mask.
func (p *Socket) Want() (op byte, payload []byte) {
	p.t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(p.r, head)
	require.NoError(p.t, err)
	n := int(head[1])
	if n == 126 {
		long := make([]byte, 2)
		_, err = io.ReadFull(p.r, long)
		require.NoError(p.t, err)
		n = int(binary.BigEndian.Uint16(long))
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(p.r, payload)
	require.NoError(p.t, err)
	return head[0] & 0xf, payload
}

// WantClose reads up to a close frame with that code.
func (p *Socket) WantClose(code int, reason string) {
	p.t.Helper()
	for {
		op, payload := p.Want()
		if op != OpClose {
			continue
		}
		require.GreaterOrEqual(p.t, len(payload), 2)
		require.Equal(p.t, code, int(binary.BigEndian.Uint16(payload)))
		require.Contains(p.t, string(payload[2:]), reason)
		coretest.RequireLoggable(p.t, string(payload[2:]))
		p.Close()
		return
	}
}
