//go:build !js

package ws

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
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
	l := newTestListener(&Options{Compression: opts})
	url, stop := serve(t, l, nil)
	t.Cleanup(stop)
	peer := dialRaw(t, url)
	peer.send(withLines(extensionsHeader + ": permessage-deflate\r\n"))
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		l.Close()
	})
	peer.wantStatus(http.StatusSwitchingProtocols)
	return peer, c.(*conn)
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

// Answers to compressed messages that are none. A valid message comes first, and is echoed.
func TestHostileCompression(t *testing.T) {
	const mask = "\x00\x00\x00\x00"
	packed := func(payload string) string { return string(appendCompressed(nil, payload)) }
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	tests := map[string]struct {
		in   string
		why  *ProtocolError
		echo string
	}{
		"second reserved bit":           {"\xa2\x81" + mask + "x", errReserved, ""},
		"third reserved bit":            {"\x92\x81" + mask + "x", errReserved, ""},
		"second one too":                {"\xe2\x81" + mask + "x", errReserved, ""},
		"all reserved bits":             {"\xf2\x81" + mask + "x", errReserved, ""},
		"compressed ping":               {"\xc9\x80" + mask, errCompressedBit, ""},
		"compressed pong":               {"\xca\x80" + mask, errCompressedBit, ""},
		"compressed close":              {"\xc8\x82" + mask + "\x03\xe8", errCompressedBit, ""},
		"compressed continuation":       {"\x42\x81" + mask + "\xf2" + "\xc0\x86" + mask + hello[1:], errCompressedBit, ""},
		"compressed in a plain message": {"\x02\x81" + mask + "x" + "\xc0\x87" + mask + hello, errCompressedBit, "x"},
		"compressed, reserved opcode":   {"\xc3\x87" + mask + hello, errOpcode, ""},
		"compressed, unmasked":          {"\xc2\x07" + hello, errUnmasked, ""},
		"message inside of another":     {"\x42\x81" + mask + "\xf2" + packed(hello), errInside, ""},
		"reserved block type":           {packed("\xff\xff\xff\xff"), errInflate, ""},
		"cut off in a block":            {packed(hello[:4]), errInflate, ""},
		"cut off after a byte":          {packed(hello[:1]), errInflate, ""},
		"stored, cut off":               {packed("\x00\x06\x00\xf9\xff\x48"), errInflate, ""},
		"stored, filled up by the tail": {packed("\x00\x05\x00\xfa\xff\x48"), nil, "H\x00\x00\xff\xff"}, // RFC 7692, section 7.2.2, lets it pass
		"stored, length not confirmed":  {packed("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"), errInflate, ""},
		"stored, of 65535":              {packed("\x00\xff\xff\x00\x00"), errInflate, ""},
		"refers to before the start":    {packed("\xf2\x00\x11\x00\x00"), errInflate, ""}, // RFC 7692, section 7.2.3.2: with takeover
		"tail that is not left out":     {packed(hello + "\x00\x00\xff\xff\x00"), nil, "Hello"},
		"noise":                         {packed(noise[:300]), errInflate, ""},
		"text, compressed":              {"\xc1\x87" + mask + hello, &ProtocolError{1003, "only binary messages are understood"}, ""},
		"codes over-subscribed":         {packed("\x04\xc0\x81\x08\x00\x00\x00\x00\x20\x7f\xeb\x0b\x00\x00"), errInflate, ""},
		"garbage after the last block":  {packed("\xf3\x48\xcd\xc9\xc9\x07\x00\xff\xff\xff"), errInflate, ""},
		"too much":                      {packed(deflated(strings.Repeat("x", 5001), 9)), errInflated, strings.Repeat("x", 5000)},
		"too much, bit by bit":          {string(appendFragments(nil, deflated(strings.Repeat("x", 5001), 9), func() int { return 1 })), errInflated, strings.Repeat("x", 5000)},
		"just not too much":             {packed(deflated(strings.Repeat("x", 5000), 9)), nil, strings.Repeat("x", 5000)},
		"twice just not too much":       {strings.Repeat(packed(deflated(strings.Repeat("x", 5000), 9)), 2), nil, strings.Repeat("x", 10_000)},
	}
	h := newHall(t, &Options{Compression: &Compression{Threshold: 1 << 20, MaxMessage: 5000}})
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := dialRaw(t, h.url)
			require.NoError(t, p.SetDeadline(time.Now().Add(time.Minute)))
			p.send(withLines(extensionsHeader + ": permessage-deflate\r\n"))
			p.wantStatus(http.StatusSwitchingProtocols)
			p.send(string(appendCompressed(nil, deflated("before ", 1))) + tc.in)
			if tc.why == nil {
				p.send(string(appendFrame(nil, frame{opClose, true, closePayload(1000, "")})))
			}
			got, err := p.readAnswer()
			require.NoError(t, err)
			ended := h.wantEnded()
			want := answer{echo: "before " + tc.echo, code: 1000}
			if tc.why != nil {
				want.code, want.reason = tc.why.Code, tc.why.Reason
				if tc.why.Code == codeUnsupported {
					require.Equal(t, ErrText, ended)
				} else {
					require.Equal(t, error(tc.why), ended)
				}
			} else {
				require.Equal(t, io.EOF, ended)
			}
			got.pongs = 0
			if tc.why == errInflate { // what was inflated before the fault may be echoed
				require.True(t, strings.HasPrefix(got.echo, want.echo))
				got.echo = want.echo
			}
			require.Equal(t, want, got)
			h.check()
		})
	}
}

// A bomb of 1:1000 is inflated into the reader's buffer, up to the limit, and takes no memory.
func TestBomb(t *testing.T) {
	const limit = 2 << 20
	bomb := deflated(strings.Repeat("\x00", 16<<20), 9)
	require.Less(t, len(bomb), 17<<10)
	wire := appendCompressed(nil, bomb)
	c := compressedConn(&recording{in: bytes.NewReader(wire)}, nil, false, limit)
	warm := borrowInflater(c)
	warm.giveBack()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	buf := make([]byte, 16<<10)
	read := 0
	var err error
	for err == nil {
		var n int
		n, err = c.Read(buf)
		read += n
	}
	runtime.ReadMemStats(&after)
	require.Equal(t, error(errInflated), err)
	require.Equal(t, limit, read)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<10))
	require.NoError(t, c.Close())
}

// Fragments that hold nothing, or a byte each, are read one after the other, and pings between them are answered.
func TestTinyCompressedFragments(t *testing.T) {
	peer, c := compressedPair(t, &Compression{})
	const count = 3000
	done := make(chan error, 1)
	got := make(chan string, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(c, count))
		got <- string(b)
		done <- err
	}()
	go func() {
		b := appendFrame(nil, frame{op: opBinary})
		b[0] |= compressedBit
		for range count { // a block without compression of one byte, and then an empty one, in a frame for each byte
			for _, x := range []byte("\x00\x01\x00\xfe\xffx\x00\x00\x00\xff\xff") {
				b = appendFrame(b, frame{op: opContinuation, payload: string([]byte{x})})
			}
			b = appendFrame(b, frame{op: opContinuation})
			if len(b) > 64<<10 {
				if _, err := peer.Conn.Write(b); err != nil {
					return
				}
				b = b[:0]
			}
		}
		peer.Conn.Write(appendFrame(b, frame{opPing, true, "the end"})) //nolint:errcheck // the pong does not come
	}()
	require.Equal(t, strings.Repeat("x", count), <-got)
	require.NoError(t, <-done)
	go c.Read(make([]byte, 1)) //nolint:errcheck // it answers the ping
	peer.wantFrame(opPong, "the end")
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

// slowInflate inflates a whole message, without this package.
func slowInflate(payload []byte) ([]byte, error) {
	all := append(bytes.Clone(payload), inflateTail...)
	r := bytes.NewReader(all)
	var out []byte
	for {
		f := flate.NewReader(r)
		b, err := io.ReadAll(f)
		out = append(out, b...)
		switch {
		case err != nil:
			return out, err
		case r.Len() == 0 || r.Len() == len(inflateTail):
			return out, nil
		case r.Len() < len(inflateTail):
			return out, io.ErrUnexpectedEOF
		}
	}
}

// Any bytes in a compressed message, in any fragments, are inflated as the standard library does it, or refused.
func FuzzInflate(f *testing.F) {
	for _, payload := range []string{
		"", "\x00", "\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "\x00\x05\x00\xfa\xffHello\x00", "\xf2\x00\x11\x00\x00",
		deflated(noise[:100]+noise[:100]+"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 9), "\x01\x00\x00\xff\xff\x01\x00\x00\xff\xff",
	} {
		f.Add([]byte(payload), uint64(1), uint16(3))
		f.Add([]byte(payload), uint64(2), uint16(500))
	}
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64, most uint16) {
		if len(payload) > 5000 {
			return
		}
		random := rand.New(rand.NewPCG(seed, 0))
		want, wrong := slowInflate(payload)
		if len(payload) == 0 {
			want, wrong = nil, nil
		}
		if len(want) > 1<<20 {
			return
		}
		wire := appendFragments(nil, string(payload), randomSizes(random, int(most)+1))
		wire = appendFrame(wire, frame{opClose, true, closePayload(1000, "")})
		stream := &recording{in: choppyReader{bytes.NewReader(wire), randomSizes(random, int(most)+1)}}
		c := compressedConn(stream, nil, false, -1)
		got, err := readRandomly(c, random, int(most)+1)
		if !bytes.Equal(want, got) {
			t.Fatalf("%x: inflated to %x, not %x", payload, got, want)
		}
		if wrong == nil && err != io.EOF || wrong != nil && err != error(errInflate) {
			t.Fatalf("%x: %v, not %v", payload, err, wrong)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzStream with messages of which some are compressed, by all levels.
func FuzzCompressedStream(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, seed%2 == 0, uint16(1)<<(seed%16))
	}
	f.Fuzz(func(t *testing.T, seed uint64, server bool, most uint16) {
		random := rand.New(rand.NewPCG(seed, 0))
		var wire []byte
		var want string
		for range random.IntN(12) {
			text := randomText(random, []int{0, 10, 300, 5000, 40_000}[random.IntN(5)])
			if random.IntN(2) == 0 {
				text = strings.Repeat(text, 1+random.IntN(4))
			}
			want += text
			var key *[4]byte
			if server {
				key = &[4]byte{byte(random.Uint32()), 2, 3, 4}
			}
			if random.IntN(3) == 0 {
				wire = appendFrameWith(wire, frame{opBinary, true, text}, key)
				continue
			}
			payload, op := deflated(text, random.IntN(12)-2), byte(opBinary)
			for last := false; !last; op = opContinuation {
				n := random.IntN(len(payload) + 1)
				last = n == len(payload)
				start := len(wire)
				wire = appendFrameWith(wire, frame{op, last, payload[:n]}, key)
				if op == opBinary {
					wire[start] |= compressedBit
				}
				payload = payload[n:]
			}
		}
		var key *[4]byte
		if server {
			key = &[4]byte{}
		}
		wire = appendFrameWith(wire, frame{opClose, true, closePayload(1000, "")}, key)
		unread := bytes.Clone(wire[:random.IntN(len(wire)+1)/4])
		stream := &recording{in: choppyReader{bytes.NewReader(wire[len(unread):]), randomSizes(random, int(most)+1)}}
		c := compressedConn(stream, unread, !server, -1)
		got, err := readRandomly(c, random, int(most)+1)
		if err != io.EOF || want != string(got) {
			t.Fatalf("read %d bytes of %d, %v", len(got), len(want), err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A limit that a message keeps holds for each message, not for all of them.
func TestLimitIsForOneMessage(t *testing.T) {
	var wire []byte
	for range 50 {
		wire = appendCompressed(wire, deflated(strings.Repeat("x", 1000), 1))
	}
	c := compressedConn(&recording{in: bytes.NewReader(wire)}, nil, false, 1000)
	got := make([]byte, 50*1000)
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}
