//go:build !js

package core_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

// A rawSocket is a WebSocket by hand, over plain TCP.
type rawSocket struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// upgrade asks for a WebSocket, with more headers if there are any, and returns the answer.
func (n *network) upgrade(t *testing.T, headers ...string) (*rawSocket, *http.Response) {
	t.Helper()
	c := n.knock(t)
	request := append([]string{
		"GET /ws HTTP/1.1", "Host: " + n.addr, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
	}, headers...)
	_, err := io.WriteString(c, strings.Join(request, "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	return &rawSocket{t, c, r}, response
}

// socket is upgrade for a peer that is let in.
func (n *network) socket(t *testing.T) *rawSocket {
	t.Helper()
	p, response := n.upgrade(t)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	return p
}

// frame sends one frame that is a whole message, with a mask of zeros.
func (p *rawSocket) frame(op byte, payload []byte) {
	p.t.Helper()
	b := []byte{0x80 | op}
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	b = append(append(b, 0, 0, 0, 0), payload...)
	p.bytes(b)
}

func (p *rawSocket) bytes(b []byte) {
	p.t.Helper()
	_, err := p.Write(b)
	require.NoError(p.t, err)
}

// want returns the next frame of a server, which has no mask.
func (p *rawSocket) want() (op byte, payload []byte) {
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

// wantClose reads up to a close frame with that code.
func (p *rawSocket) wantClose(code int, reason string) {
	p.t.Helper()
	for {
		op, payload := p.want()
		if op != opClose {
			continue
		}
		require.GreaterOrEqual(p.t, len(payload), 2)
		require.Equal(p.t, code, int(binary.BigEndian.Uint16(payload)))
		require.Contains(p.t, string(payload[2:]), reason)
		requireLoggable(p.t, string(payload[2:]))
		p.Close()
		return
	}
}
