//go:build !js

package ws

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
		"cut off in the last block":     {packed("\x0b\x00"), errInflate, ""},
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
		"last blocks without end":       {packed(strings.Repeat("\x03\x00", maxLasts+2)), errInflate, ""},
		"some last blocks":              {packed(strings.Repeat("\x03\x00", maxLasts-2) + hello), nil, "Hello"},
		"empty blocks without end":      {packed(strings.Repeat("\x00\x00\x00\xff\xff", (5000+wireSlack)/5+1)), errInflated, ""},
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
