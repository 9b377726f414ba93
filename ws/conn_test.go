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
		want    error // nil: a CloseError
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
			peer.sendFrame(opcodeClose, tc.payload)
			got, err := startRead(c)()
			require.Equal(t, "last words", got)
			peer.wantFrame(opcodeClose, tc.payload)
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
		want string // in the error; empty: io.ErrUnexpectedEOF
	}{
		"nothing":            {send: ""},
		"half a header":      {send: "\x82"},
		"half a message":     {send: "\x82\x85\x00\x00\x00\x00ab"},
		"between fragments":  {send: "\x02\x81\x00\x00\x00\x00a"},
		"half a close frame": {send: "\x88\x82\x00\x00\x00\x00\x03"},
		"unmasked":           {send: "\x82\x01x", want: "unmasked"},
		"reserved bit":       {send: "\xc2\x80\x00\x00\x00\x00", want: "rsv"},
		"unknown opcode":     {send: "\x83\x80\x00\x00\x00\x00", want: "opcode"},
		"negative length":    {send: "\x82\xff" + strings.Repeat("\xff", 8) + "\x00\x00\x00\x00", want: "length"},
		"long ping":          {send: "\x89\xfe\x00\x7e\x00\x00\x00\x00", want: "control frame"},
		"fragmented ping":    {send: "\x09\x80\x00\x00\x00\x00", want: "control frame"},
		"stray continuation": {send: "\x80\x80\x00\x00\x00\x00", want: "continuation"},
		"message in message": {send: "\x02\x80\x00\x00\x00\x00\x82\x80\x00\x00\x00\x00", want: "message"},
		"bad close code":     {send: "\x88\x82\x00\x00\x00\x00\x03\xed", want: "close"},
		"text in fragments":  {send: "\x01\x80\x00\x00\x00\x00", want: "text"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := rawPair(t)
			peer.send(tc.send)
			if tc.want == "" {
				require.NoError(t, peer.Close())
			}
			_, err := startRead(c)()
			require.NotErrorIs(t, err, io.EOF, "that is no end in order")
			if tc.want == "" {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			} else {
				require.ErrorContains(t, err, tc.want)
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
	peer.sendFrame(opcodeClose, closePayload(1000, ""))
	text, err := got()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "one two three four", text)
}

// TestOneMessagePerWrite looks at what is on the wire.
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
		"several, just joined":   {[][]byte{large(1), large(joinSize - 1)}, 1},
		"several, just too many": {[][]byte{large(1), large(joinSize)}, 3},
		"several large":          {[][]byte{large(1 << 20), {}, large(1), large(1 << 17)}, 4},
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

func TestWriteIsGathered(t *testing.T) {
	client, server := pair(t)
	for name, ends := range map[string][2]*conn{"client": {client, server}, "server": {server, client}} {
		t.Run(name, func(t *testing.T) {
			from, to := ends[0], ends[1]
			counter := &countingConn{Conn: from.link.Conn}
			from.link.Conn = counter
			payload := bytes.Repeat([]byte("0123456789"), 1500)
			_, err := from.WriteBuffers([][]byte{payload[:10], payload[10:7000], payload[7000:]})
			require.NoError(t, err)
			got := make([]byte, len(payload))
			_, err = io.ReadFull(to, got)
			require.NoError(t, err)
			require.Equal(t, payload, got)
			require.Equal(t, 1, counter.writes)
		})
	}
}
