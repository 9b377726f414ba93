//go:build !js

package ws

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A hall is an echo server with one honest guest beside hostile peers.
type hall struct {
	t     *testing.T
	l     *Listener
	url   string
	guest transport.Conn
	ended chan error // errors with which the server's conns have ended; never nil
}

func newHall(t *testing.T, opts *Options) *hall {
	t.Helper()
	h := &hall{t: t, l: newTestListener(opts), ended: make(chan error, 1000)}
	url, stop := serve(t, h.l, nil)
	h.url = url
	var serving sync.WaitGroup
	serving.Go(func() { h.serve(&serving) })
	t.Cleanup(func() {
		h.l.Close()
		h.guest.Close()
		stop()
		serving.Wait()
	})
	guest, err := Dialer(url, nil).Dial(context.Background())
	require.NoError(t, err)
	h.guest = guest
	h.check()
	return h
}

// serve echoes what each conn sends until the listener is closed.
func (h *hall) serve(serving *sync.WaitGroup) {
	for {
		c, err := h.l.Accept()
		if err != nil {
			return
		}
		serving.Go(func() {
			_, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
			if err == nil {
				err = io.EOF
			}
			c.Close()
			h.ended <- err
		})
	}
}

// check checks that the guest is served.
func (h *hall) check() {
	h.t.Helper()
	const text = "still here"
	require.NoError(h.t, h.guest.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	_, err := io.WriteString(h.guest, text)
	require.NoError(h.t, err)
	got := make([]byte, len(text))
	_, err = io.ReadFull(h.guest, got)
	require.NoError(h.t, err)
	require.Equal(h.t, text, string(got))
}

// stranger connects a raw peer with a valid handshake.
func (h *hall) stranger() *rawPeer {
	h.t.Helper()
	p := dialRaw(h.t, h.url)
	require.NoError(h.t, p.SetDeadline(time.Now().Add(transporttest.Patience)))
	p.send(goodHandshake)
	p.wantStatus(http.StatusSwitchingProtocols)
	return p
}

// wantEnded waits until one of the server's conns has ended.
func (h *hall) wantEnded() error {
	h.t.Helper()
	timer := time.NewTimer(transporttest.Patience)
	defer timer.Stop()
	select {
	case err := <-h.ended:
		return err
	case <-timer.C:
		require.FailNow(h.t, "the server keeps the conn")
		return nil
	}
}

// An answer has everything that a server sends on a connection.
type answer struct {
	echo   string
	pongs  int
	code   int // code of the close frame; 0 if there was none
	reason string
}

// readAnswer reads to the end of the connection. A reset counts as the end.
func (p *rawPeer) readAnswer() (a answer, err error) {
	for {
		f, err := readFrame(p.r)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return a, err
		case err != nil:
			return a, nil
		case a.code != 0:
			return a, fmt.Errorf("frame with opcode %d after the close frame", f.op)
		}
		switch f.op {
		case opBinary, opContinuation:
			a.echo += f.payload
		case opPong:
			a.pongs++
		case opClose:
			a.code = codeNone
			if len(f.payload) >= 2 {
				a.code, a.reason = int(binary.BigEndian.Uint16([]byte(f.payload))), f.payload[2:]
			}
		default:
			return a, fmt.Errorf("frame with opcode %d", f.op)
		}
	}
}

// Answers to peers that make a valid handshake and then break the protocol. In each case
// a valid message comes first and is echoed.
func TestHostileFrames(t *testing.T) {
	type hostile struct {
		in     string
		why    *ProtocolError // expected error, which is in the close frame
		code   int            // code of the close frame if nothing is wrong
		reason string         // part of the reason in the close frame
		echo   string         // expected echo
	}
	const mask = "\x00\x00\x00\x00"
	closing := func(code int, reason string) string {
		return string(appendFrame(nil, frame{opClose, true, closePayload(code, reason)}))
	}
	tests := map[string]hostile{
		"first reserved bit":         {in: "\xc2\x81" + mask + "x", why: errReserved},
		"second reserved bit":        {in: "\xa2\x81" + mask + "x", why: errReserved},
		"third reserved bit":         {in: "\x92\x81" + mask + "x", why: errReserved},
		"reserved bit of a ping":     {in: "\xc9\x80" + mask, why: errReserved},
		"reserved bit of a close":    {in: "\xc8\x82" + mask + "\x03\xe8", why: errReserved},
		"reserved bit in a message":  {in: "\x02\x81" + mask + "x\xc0\x81" + mask + "y", why: errReserved, echo: "x"},
		"compressed":                 {in: "\xc2\x87" + mask + "\xf2\x48\xcd\xc9\xc9\x07\x00", why: errReserved},
		"unmasked":                   {in: "\x82\x03abc", why: errUnmasked},
		"unmasked ping":              {in: "\x89\x00", why: errUnmasked},
		"unmasked close":             {in: "\x88\x02\x03\xe8", why: errUnmasked},
		"length of 2^63":             {in: "\x82\xff\x80" + strings.Repeat("\x00", 7) + mask + "x", why: errLength},
		"length of 2^64-1":           {in: "\x82\xff" + strings.Repeat("\xff", 8) + mask + "x", why: errLength},
		"ping of 2^63-1":             {in: "\x89\xff\x7f" + strings.Repeat("\xff", 7) + mask, why: errControlLength},
		"ping of 126":                {in: "\x89\xfe\x00\x7e" + mask + strings.Repeat("x", 126), why: errControlLength},
		"pong of 126":                {in: "\x8a\xfe\x00\x7e" + mask + strings.Repeat("x", 126), why: errControlLength},
		"close of 126":               {in: "\x88\xfe\x00\x7e" + mask + strings.Repeat("x", 126), why: errControlLength},
		"fragmented pong":            {in: "\x0a\x80" + mask, why: errControlFragment},
		"fragmented close":           {in: "\x08\x82" + mask + "\x03\xe8", why: errControlFragment},
		"text in a message":          {in: "\x02\x81" + mask + "x\x81\x81" + mask + "y", why: errInside, echo: "x"},
		"message in a message":       {in: "\x02\x81" + mask + "x\x82\x81" + mask + "y", why: errInside, echo: "x"},
		"continuation after the end": {in: "\x82\x81" + mask + "x\x80\x81" + mask + "y", why: errContinuation, echo: "x"},
		"fragmented text":            {in: "\x01\x81" + mask + "x\x80\x81" + mask + "y", code: 1003, reason: "only binary"},
		"close of one byte":          {in: "\x88\x81" + mask + "\x03", why: errCloseLength},
		"3 as 16 bits":               {in: "\x82\xfe\x00\x03" + mask + "abc", why: errNotMinimal},
		"125 as 16 bits":             {in: "\x82\xfe\x00\x7d" + mask, why: errNotMinimal},
		"3 as 64 bits":               {in: "\x82\xff" + strings.Repeat("\x00", 7) + "\x03" + mask + "abc", why: errNotMinimal},
		"65535 as 64 bits":           {in: "\x82\xff" + strings.Repeat("\x00", 6) + "\xff\xff" + mask, why: errNotMinimal},
		"ping of 0 as 64 bits":       {in: "\x89\xff" + strings.Repeat("\x00", 8) + mask, why: errControlLength},
		"close not in UTF-8":         {in: closing(4000, "\xff\xfe"), why: errCloseText},
		"close cut within a rune":    {in: closing(1000, "\xe2\x82"), why: errCloseText},
		"close with a surrogate":     {in: closing(1000, "\xed\xa0\x80"), why: errCloseText},
		"close in a message":         {in: "\x02\x81" + mask + "x" + closing(1000, ""), code: 1000, echo: "x"},

		// Accepted, although a peer should not send it.
		"unasked pong":          {in: "\x8a\x83" + mask + "abc" + closing(1000, ""), code: 1000},
		"message after a close": {in: closing(1000, "") + "\x82\x81" + mask + "x", code: 1000},
		"ping after a close":    {in: closing(1000, "") + "\x89\x81" + mask + "x", code: 1000},
		"close after a close":   {in: closing(1000, "") + closing(1001, ""), code: 1000},
		"nonsense after close":  {in: closing(1000, "") + strings.Repeat("\xff", 5000), code: 1000},
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		in := string(appendFrame(nil, frame{op, true, "x"}))
		tests[fmt.Sprint("opcode ", op)] = hostile{in: in, why: errOpcode}
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		tests[fmt.Sprint("close code ", code)] = hostile{in: closing(code, "what"), why: errCloseCode}
	}

	h := newHall(t, nil)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := h.stranger()
			p.send(string(appendFrame(nil, frame{opBinary, true, "before "})) + tc.in)
			got, err := p.readAnswer()
			require.NoError(t, err)
			ended := h.wantEnded()
			want := answer{echo: "before " + tc.echo, code: tc.code, reason: got.reason}
			if tc.why != nil {
				want.code, want.reason = tc.why.Code, tc.why.Reason
				require.Equal(t, error(tc.why), ended)
			}
			require.Equal(t, want, got)
			require.Contains(t, got.reason, tc.reason)
			require.Equal(t, tc.code == 1000, ended == io.EOF, "%v", ended)
			h.check()
		})
	}
}

// An incomplete frame costs no memory, whatever length it announces, and the end inside it
// is no orderly end.
func TestHugeFrameIsNeverHeld(t *testing.T) {
	h := newHall(t, nil)
	p := h.stranger()
	p.send("\x82\xff\x7f" + strings.Repeat("\xff", 7) + "\x00\x00\x00\x00") // 2^63-1
	sent := strings.Repeat("x", 1<<20)
	go io.WriteString(p.Conn, sent)
	for got := 0; got < len(sent); {
		f, err := readFrame(p.r)
		require.NoError(t, err)
		got += len(f.payload)
	}
	h.check()
	require.NoError(t, p.Close())
	require.ErrorIs(t, h.wantEnded(), io.ErrUnexpectedEOF)
	h.check()
}
