//go:build !js

package ws

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// deflated returns payload as a compressed message has it.
func deflated(payload string, level int) string {
	var b bytes.Buffer
	w := made(flate.NewWriter(&b, level))
	io.WriteString(w, payload) //nolint:errcheck // b takes everything
	w.Flush()                  //nolint:errcheck // b takes everything
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// appendCompressed appends a compressed message as a client sends it.
func appendCompressed(dst []byte, payload string) []byte {
	start := len(dst)
	dst = appendFrame(dst, frame{opBinary, true, payload})
	dst[start] |= compressedBit
	return dst
}

// compressedConn makes a conn of a server or a client that has agreed on compression. limit is as in [Compression.MaxMessage].
func compressedConn(stream *recording, unread []byte, client bool, limit int) *conn {
	c := newConn(stream, unread, transport.Info{}, client)
	c.useCompression(made((&Compression{MaxMessage: limit}).share()))
	return c
}

// compressedPair is rawPair with compression.
func compressedPair(t testing.TB, opts *Compression) (*rawPeer, *conn) {
	t.Helper()
	return rawPairOf(t, &Options{Compression: opts}, withLines(extensionsHeader+": permessage-deflate\r\n"))
}

// The examples of RFC 7692, section 7.2.3, and messages that other compressors make. Each is read in pieces of all
// sizes, from fragments of all sizes.
func TestInflate(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	tests := map[string]struct{ in, want string }{
		"one block":                      {"\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"a block without compression":    {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
		"a block that is the last one":   {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
		"the last one, and no more":      {"\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"two blocks":                     {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
		"nothing":                        {"\x00", ""},
		"no byte":                        {"", ""},
		"blocks after the last one":      {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", "HelloHelloHello"},
		"empty blocks":                   {strings.Repeat("\x00\x00\x00\xff\xff", 100) + "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"empty blocks, each the last":    {strings.Repeat("\x01\x00\x00\xff\xff", 100) + "\x00", ""},
		"text":                           {deflated("a text, a text, and more text", 9), "a text, a text, and more text"},
		"codes only":                     {deflated("a text, a text, and more text", flate.HuffmanOnly), "a text, a text, and more text"},
		"more than a window":             {deflated(long, 6), long},
		"more than a window, not packed": {deflated(long, 0), long},
		"noise":                          {deflated(noise[:100_000], 1), noise[:100_000]},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for _, most := range []int{1, 2, 3, 100, 5000, 1 << 20} {
				if len(tc.want) > 1000 && most < 100 {
					continue
				}
				for _, ready := range []bool{false, true} {
					var wire []byte
					wire = appendFrame(wire, frame{opBinary, true, "before "})
					wire = appendFragments(wire, tc.in, randomSizes(random, most))
					wire = appendFrame(wire, frame{opBinary, true, " after"})
					wire = appendCompressed(wire, deflated(" and again", 1))
					wire = appendFrame(wire, frame{opClose, true, closePayload(1000, "")})
					stream := &recording{in: choppyReader{bytes.NewReader(wire), randomSizes(random, most)}}
					c := compressedConn(stream, nil, false, 0)
					var got []byte
					var err error
					for err == nil {
						buf, n := make([]byte, 1+random.IntN(most)), 0
						if ready {
							buf, n, err = c.ReadReady(sizedPool(len(buf)))
						} else {
							n, err = c.Read(buf)
						}
						got = append(got, buf[:n]...)
					}
					require.Equal(t, io.EOF, err)
					require.True(t, "before "+tc.want+" after and again" == string(got), "%d bytes, in pieces of %d", len(got), most)
					requireReleased(t, c)
					require.NoError(t, c.Close())
				}
			}
		})
	}
}

// appendFragments appends a compressed message in fragments, with pings and empty fragments between them.
func appendFragments(dst []byte, payload string, sizes func() int) []byte {
	op, bit := byte(opBinary), byte(compressedBit)
	for i := 0; ; i++ {
		n := min(sizes(), len(payload))
		if i%5 == 1 {
			n = 0
		}
		start := len(dst)
		last := n == len(payload) && i > 0
		dst = appendFrame(dst, frame{op, last, payload[:n]})
		dst[start] |= bit
		if payload = payload[n:]; last {
			return dst
		}
		if i%3 == 0 {
			dst = appendFrame(dst, frame{opPing, true, "?"})
		}
		op, bit = opContinuation, 0
	}
}

// requireReleased checks that a conn that waits between messages holds no buffer and no inflater.
func requireReleased(t *testing.T, c *conn) {
	t.Helper()
	require.Nil(t, c.deflate.inflating)
	require.Nil(t, c.unread)
	require.Nil(t, c.ahead)
}

// A read deadline that passes between messages ends nothing. Inside of a compressed message it ends the stream, as
// transport.Deadlines allows.
func TestDeadlineInCompressedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := compressedPipe(t, nil)
		buf := make([]byte, 100)
		start := time.Now()
		require.NoError(t, c.SetReadDeadline(start.Add(time.Second)))
		_, err := c.Read(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		go peer.Conn.Write(appendCompressed(nil, deflated("hello", 1))) //nolint:errcheck // then nothing is read
		n, err := c.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		requireReleased(t, c)

		begun := appendFrame(nil, frame{opBinary, false, deflated("hello", 1)})
		begun[0] |= compressedBit
		go peer.Conn.Write(begun) //nolint:errcheck // then nothing is read
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		n, err = c.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		_, err = c.Read(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		_, err = c.Read(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.Close())
		_, err = c.Read(buf)
		require.ErrorIs(t, err, transport.ErrClosed)
	})
}

// compressedPipe is pipePair with compression.
func compressedPipe(t testing.TB, config *tls.Config) (*rawPeer, *conn) {
	peer, c := pipePair(t, config)
	c.useCompression(made((&Compression{}).share()))
	return peer, c
}

// Close ends a read that waits inside of a compressed message. The end of the stream there is no orderly end.
func TestEndInCompressedMessage(t *testing.T) {
	tests := map[string]struct {
		end  func(peer *rawPeer, c *conn) error
		want error
	}{
		"closed":               {func(_ *rawPeer, c *conn) error { return c.Close() }, transport.ErrClosed},
		"the peer breaks off":  {func(peer *rawPeer, _ *conn) error { return peer.Conn.Close() }, io.ErrUnexpectedEOF},
		"the peer closes":      {func(p *rawPeer, _ *conn) error { return p.write(frame{opClose, true, closePayload(4000, "")}) }, &CloseError{Code: 4000}},
		"the peer is in order": {func(p *rawPeer, _ *conn) error { return p.write(frame{opClose, true, closePayload(1000, "")}) }, io.EOF},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := compressedPair(t, &Compression{})
			begun := appendFrame(nil, frame{opBinary, false, deflated("hello", 1)[:3]})
			begun[0] |= compressedBit
			begun = appendFrame(begun, frame{opPing, true, "?"})
			peer.send(string(begun))
			done := make(chan error, 1)
			go func() {
				var err error
				for err == nil { // it may return what was inflated before the end
					_, _, err = c.ReadReady(sizedPool(100))
				}
				done <- err
			}()
			peer.wantFrame(opPong, "?")
			require.NoError(t, tc.end(peer, c))
			err := <-done
			var closed *CloseError
			if errors.As(tc.want, &closed) {
				require.Equal(t, tc.want, err)
			} else {
				require.ErrorIs(t, err, tc.want)
			}
			require.False(t, c.isInflating())
		})
	}
}

func (p *rawPeer) write(f frame) error {
	_, err := p.Conn.Write(appendFrame(nil, f))
	return err
}

// What has been inflated is not held back while the message behind it is incomplete.
func TestReadDoesNotWaitForNextMessage(t *testing.T) {
	peer, c := compressedPair(t, &Compression{})
	next := appendFrame(nil, frame{opBinary, false, deflated("next", 1)})
	next[0] |= compressedBit
	peer.send(string(appendCompressed(nil, deflated("first", 1))) + string(next))
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "first", string(buf[:n]))
	peer.sendFrame(opContinuation, "")
	n, err = c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "next", string(buf[:n]))
	requireReleased(t, c)
}

// Over TLS, and over a socket that is hidden, messages are read as well.
func TestInflateOverOtherStreams(t *testing.T) {
	server, _ := transporttest.Certificates(t)
	for name, config := range map[string]*tls.Config{"pipe": nil, "pipe, with TLS": server} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, c := compressedPipe(t, config)
				text := strings.Repeat("some text ", 10_000) + noise[:20_000]
				go peer.Conn.Write(appendCompressed(appendCompressed(nil, deflated(text, 6)), deflated(text, 1))) //nolint:errcheck // then too little is read
				var got []byte
				for len(got) < 2*len(text) {
					buf, n, err := c.ReadReady(sizedPool(16 << 10))
					require.NoError(t, err)
					got = append(got, buf[:n]...)
				}
				require.True(t, text+text == string(got))
				require.NoError(t, c.Close())
			})
		})
	}
}

// A conn does not sleep while it has inflated bytes that were not read: nothing of the peer would wake it.
func TestNoSleepInCompressedMessage(t *testing.T) {
	peer, c := compressedPair(t, &Compression{})
	woken := make(chan struct{})
	if !c.Sleep(func() { close(woken) }) {
		t.Skip("conns cannot sleep on this system")
	}
	text := strings.Repeat("x", 200_000)
	peer.send(string(appendCompressed(nil, deflated(text, 9))))
	<-woken
	for rest := len(text); rest > 0; {
		n, err := c.Read(make([]byte, 7000))
		require.NoError(t, err)
		if rest -= n; rest > 0 {
			require.False(t, c.Sleep(func() {}), "%d bytes are left", rest)
		}
	}
	require.True(t, c.Sleep(func() {}))
}
