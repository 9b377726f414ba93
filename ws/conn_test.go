//go:build !js

package ws

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// startRead reads c to its end.
func startRead(c transport.Conn) (got func() (string, error)) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		b, err := io.ReadAll(c)
		if err == nil {
			err = io.EOF
		}
		done <- result{string(b), err}
	}()
	return func() (string, error) {
		r := <-done
		return r.text, r.err
	}
}

func TestTextEndsTheConnection(t *testing.T) {
	peer, c := rawPair(t)
	peer.sendFrame(opBinary, "before")
	peer.sendFrame(opText, "text")
	got, err := startRead(c)()
	require.Equal(t, "before", got)
	require.ErrorIs(t, err, ErrText)
	peer.wantClose(1003, "only binary messages are understood")

	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrText)
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, ErrText)
	require.NoError(t, c.Close())
}

func TestPeerCloses(t *testing.T) {
	tests := map[string]struct {
		payload string
		want    error // nil means a CloseError
		closed  CloseError
	}{
		"normal":         {payload: closePayload(1000, "bye"), want: io.EOF},
		"going away":     {payload: closePayload(1001, ""), want: io.EOF},
		"without a code": {payload: "", want: io.ErrUnexpectedEOF},
		"protocol error": {payload: closePayload(1002, "what"), closed: CloseError{1002, "what"}},
		"own code":       {payload: closePayload(4999, "\x1b[31m"), closed: CloseError{4999, "\x1b[31m"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := rawPair(t)
			peer.sendFrame(opBinary, "last words")
			peer.sendFrame(opClose, tc.payload)
			got, err := startRead(c)()
			require.Equal(t, "last words", got)
			peer.wantFrame(opClose, tc.payload)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			} else {
				var closed *CloseError
				require.ErrorAs(t, err, &closed)
				require.Equal(t, tc.closed, *closed)
				require.NotContains(t, err.Error(), "\x1b")
			}
			_, again := c.Read(make([]byte, 1))
			require.Equal(t, err == io.EOF, again == io.EOF, "%v", again)

			_, err = c.Write([]byte("x"))
			var closed *CloseError
			require.ErrorAs(t, err, &closed, "the writer hears who has closed")
			_, again = c.Write([]byte("x"))
			require.Equal(t, err, again)
			require.NoError(t, c.CloseWrite(), "there is nothing left to end")
		})
	}
}

func TestBrokenPeer(t *testing.T) {
	tests := map[string]struct {
		send string
		want error // nil means io.ErrUnexpectedEOF
	}{
		"nothing":            {send: ""},
		"half a header":      {send: "\x82"},
		"half a message":     {send: "\x82\x85\x00\x00\x00\x00ab"},
		"between fragments":  {send: "\x02\x81\x00\x00\x00\x00a"},
		"half a close frame": {send: "\x88\x82\x00\x00\x00\x00\x03"},
		"unmasked":           {send: "\x82\x01x", want: errUnmasked},
		"reserved bit":       {send: "\xc2\x80\x00\x00\x00\x00", want: errReserved},
		"unknown opcode":     {send: "\x83\x80\x00\x00\x00\x00", want: errOpcode},
		"negative length":    {send: "\x82\xff" + strings.Repeat("\xff", 8) + "\x00\x00\x00\x00", want: errLength},
		"long ping":          {send: "\x89\xfe\x00\x7e\x00\x00\x00\x00", want: errControlLength},
		"fragmented ping":    {send: "\x09\x80\x00\x00\x00\x00", want: errControlFragment},
		"stray continuation": {send: "\x80\x80\x00\x00\x00\x00", want: errContinuation},
		"message in message": {send: "\x02\x80\x00\x00\x00\x00\x82\x80\x00\x00\x00\x00", want: errInside},
		"bad close code":     {send: "\x88\x82\x00\x00\x00\x00\x03\xed", want: errCloseCode},
		"text in fragments":  {send: "\x01\x80\x00\x00\x00\x00", want: ErrText},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := rawPair(t)
			peer.send(tc.send)
			want := tc.want
			if want == nil {
				require.NoError(t, peer.Close())
				want = io.ErrUnexpectedEOF
			}
			_, err := startRead(c)()
			require.NotErrorIs(t, err, io.EOF, "that is no end in order")
			require.ErrorIs(t, err, want)
			_, again := c.Read(make([]byte, 1))
			require.Equal(t, err, again)
			if tc.want != nil {
				_, err = c.Write([]byte("x"))
				require.ErrorIs(t, err, want, "the writer hears of it too")
			}
			require.NoError(t, c.Close())
		})
	}
}

func TestControlFramesWithinAMessage(t *testing.T) {
	peer, c := rawPair(t)
	got := startRead(c)
	send := func(op byte, fin bool, payload string) {
		peer.send(string(appendFrame(nil, frame{op, fin, payload})))
	}
	send(opBinary, false, "one ")
	send(opPing, true, "a")
	send(opContinuation, false, "")
	send(opPong, true, "never asked for")
	send(opContinuation, false, "two ")
	send(opPing, true, strings.Repeat("b", 125))
	send(opContinuation, true, "three")
	send(opBinary, true, "")
	send(opBinary, true, " four")
	peer.wantFrame(opPong, "a")
	peer.wantFrame(opPong, strings.Repeat("b", 125))
	peer.sendFrame(opClose, closePayload(1000, ""))
	text, err := got()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "one two three four", text)
}

// TestOneMessagePerWrite checks the frames on the wire.
func TestOneMessagePerWrite(t *testing.T) {
	large := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	tests := map[string]struct {
		bufs   [][]byte
		frames int
	}{
		"one":                    {[][]byte{large(5)}, 1},
		"one large":              {[][]byte{large(1 << 20)}, 1},
		"one among empty ones":   {[][]byte{nil, large(70_000), {}}, 1},
		"several":                {[][]byte{large(5), nil, large(3000), large(13_000)}, 1},
		"several, just copied":   {[][]byte{large(1), large(copySize - 1)}, 1},
		"several, just too many": {[][]byte{large(1), large(copySize)}, 1},
		"several large":          {[][]byte{large(1 << 20), {}, large(1), large(1 << 17)}, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := rawPair(t)
			var size int64
			for _, p := range tc.bufs {
				size += int64(len(p))
			}
			written := make(chan error, 1)
			go func() {
				n, err := c.WriteBuffers(tc.bufs)
				if err == nil && n != size {
					err = errors.New("wrong count")
				}
				written <- err
			}()
			var got int64
			for i := range tc.frames {
				f, err := readFrame(peer.r)
				require.NoError(t, err)
				require.Equal(t, i == 0, f.op == opBinary)
				require.Equal(t, i == tc.frames-1, f.fin)
				got += int64(len(f.payload))
			}
			require.Equal(t, size, got)
			require.NoError(t, <-written)

			require.NoError(t, c.CloseWrite())
			peer.wantClose(1000, "")
		})
	}
}

// A countingConn counts writes.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

// A message and its header are one write, and a large message is few writes, also over a stream
// that is no socket.
func TestFewWrites(t *testing.T) {
	tests := map[string]struct {
		size, writes int
	}{
		"small":     {10, 1},
		"middling":  {copySize, 1},
		"large":     {largeOut - maxHeader, 1},
		"in pieces": {4 * largeOut, 5},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, server := pair(t)
			for from, to := range map[*conn]*conn{client: server, server: client} {
				counter := &countingConn{Conn: from.stream}
				from.stream, from.plain = counter, false
				payload := bytes.Repeat([]byte("0123456789"), tc.size/10+1)[:tc.size]
				sent := make(chan error, 1)
				go func() {
					_, err := from.WriteBuffers([][]byte{payload[:3], payload[3 : tc.size/2], payload[tc.size/2:]})
					sent <- err
				}()
				got := make([]byte, len(payload))
				_, err := io.ReadFull(to, got)
				require.NoError(t, err)
				require.NoError(t, <-sent)
				require.Equal(t, payload, got)
				require.Equal(t, tc.writes, counter.writes)
			}
		})
	}
}
