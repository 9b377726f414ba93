//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A frame is one WebSocket frame as it is on the wire.
type frame struct {
	op      byte
	fin     bool
	payload string
}

// appendFrame appends f as a client sends it, with a masking key of zeros.
func appendFrame(dst []byte, f frame) []byte { return appendFrameWith(dst, f, &[4]byte{}) }

// appendFrameWith appends f as a client sends it, or without a key as a server does.
func appendFrameWith(dst []byte, f frame, key *[4]byte) []byte {
	first := f.op
	if f.fin {
		first |= 0x80
	}
	start := len(dst)
	switch n := len(f.payload); {
	case n < 126:
		dst = append(dst, first, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
	}
	if key == nil {
		return append(dst, f.payload...)
	}
	dst[start+1] |= 0x80
	dst = append(dst, key[:]...)
	return append(dst, slowMask([]byte(f.payload), *key, 0)...)
}

// readFrame reads a frame from a server or a client. The error is io.EOF at the end of the stream.
func readFrame(r io.Reader) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := uint64(head[1] &^ maskBit)
	var err error
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	masked := head[1]&maskBit != 0
	var key [4]byte
	if err == nil && masked {
		_, err = io.ReadFull(r, key[:])
	}
	payload := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(r, payload)
	}
	if err != nil {
		return frame{}, io.ErrUnexpectedEOF
	}
	if masked {
		payload = slowMask(payload, key, 0)
	}
	return frame{head[0] & opcodeBits, head[0]&finBit != 0, string(payload)}, nil
}

// A rawPeer is a client that sends any bytes.
type rawPeer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// dialRaw connects to a server's address, ws://host:port, and sends nothing.
func dialRaw(t testing.TB, url string) *rawPeer {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return newRawPeer(t, c)
}

func newRawPeer(t testing.TB, c net.Conn) *rawPeer {
	return &rawPeer{t, c, bufio.NewReader(c)}
}

const goodHandshake = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// send writes text without a change.
func (p *rawPeer) send(text string) {
	p.t.Helper()
	_, err := io.WriteString(p.Conn, text)
	require.NoError(p.t, err)
}

func (p *rawPeer) sendFrame(op byte, payload string) {
	p.t.Helper()
	p.send(string(appendFrame(nil, frame{op, true, payload})))
}

// wantStatus reads the answer to a handshake.
func (p *rawPeer) wantStatus(status int) (body string) {
	p.t.Helper()
	response, err := http.ReadResponse(p.r, nil)
	require.NoError(p.t, err)
	b, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, status, response.StatusCode, "%s", b)
	return string(b)
}

func (p *rawPeer) wantFrame(op byte, payload string) {
	p.t.Helper()
	f, err := readFrame(p.r)
	require.NoError(p.t, err)
	require.Equal(p.t, frame{op, true, payload}, f)
}

// wantClose reads a close frame and the end of the connection.
func (p *rawPeer) wantClose(code int, reason string) {
	p.t.Helper()
	p.wantFrame(opClose, closePayload(code, reason))
}

func closePayload(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// rawPair connects a raw peer to a conn of a server.
func rawPair(t testing.TB) (*rawPeer, *conn) {
	t.Helper()
	return rawPairOf(t, nil, goodHandshake)
}

// rawPairOf is rawPair with options of the listener and a request of the peer.
func rawPairOf(t testing.TB, opts *Options, request string) (*rawPeer, *conn) {
	t.Helper()
	l := newTestListener(opts)
	url, stop := serve(t, l, nil)
	t.Cleanup(stop)
	peer := dialRaw(t, url)
	peer.send(request)
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		l.Close()
	})
	peer.wantStatus(http.StatusSwitchingProtocols)
	return peer, c.(*conn)
}

// pipePair is rawPair in memory, for synctest bubbles. Nothing is buffered: a
// write waits until the other end reads. config is nil for no TLS.
func pipePair(t testing.TB, config *tls.Config) (*rawPeer, *conn) {
	t.Helper()
	near, far := net.Pipe()
	peer := newRawPeer(t, far)
	if config != nil {
		near = tls.Server(near, config)
		peer = newRawPeer(t, tls.Client(far, &tls.Config{InsecureSkipVerify: true}))
	}
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(goodHandshake)))
	require.NoError(t, err)

	l := newTestListener(nil)
	go l.ServeHTTP(&pipeResponse{conn: near, header: http.Header{}}, request)
	peer.wantStatus(http.StatusSwitchingProtocols)
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		far.Close()
	})
	return peer, c.(*conn)
}

// A pipeResponse is a ResponseWriter over one end of a pipe.
type pipeResponse struct {
	conn   net.Conn
	header http.Header
	body   bytes.Buffer
	unread string // bytes that the client has sent already
}

func (w *pipeResponse) Header() http.Header         { return w.header }
func (w *pipeResponse) WriteHeader(int)             {}
func (w *pipeResponse) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *pipeResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r := bufio.NewReader(io.MultiReader(strings.NewReader(w.unread), w.conn))
	r.Peek(len(w.unread))
	return w.conn, bufio.NewReadWriter(r, bufio.NewWriter(w.conn)), nil
}
