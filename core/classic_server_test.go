//go:build !js

package core

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// An oldPeer speaks the original's protocol by hand, at either end, and reads all the time.
type oldPeer struct {
	t      *testing.T
	stream transport.Conn

	mu    sync.Mutex // guards the fields below
	got   []byte
	ended bool
}

func newOldPeer(t *testing.T, stream transport.Conn) *oldPeer {
	p := &oldPeer{t: t, stream: stream}
	go p.read()
	return p
}

func (p *oldPeer) read() {
	defer p.stream.Close() //nolint:errcheck // it is over
	buf := make([]byte, 32<<10)
	for {
		n, err := p.stream.Read(buf)
		p.mu.Lock()
		p.got = append(p.got, buf[:n]...)
		p.ended = err != nil
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send writes bytes as they are.
func (p *oldPeer) send(b string) {
	p.t.Helper()
	_, err := p.stream.Write([]byte(b))
	require.NoError(p.t, err)
}

// drip writes byte by byte, each of which the other end reads alone.
func (p *oldPeer) drip(b string) {
	p.t.Helper()
	for i := range len(b) {
		p.send(b[i : i+1])
		synctest.Wait()
	}
}

// want checks what has come since the last time.
func (p *oldPeer) want(payloads ...string) {
	p.t.Helper()
	require.Equal(p.t, oldFrames(payloads...), p.take())
}

// take returns what has come since the last time.
func (p *oldPeer) take() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := string(p.got)
	p.got = nil
	return got
}

func (p *oldPeer) isEnded() bool {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

func (p *oldPeer) close() {
	p.stream.Close() //nolint:errcheck // nothing to be done about it
	synctest.Wait()
}

// oldFrames are payloads as the original frames them.
func oldFrames(payloads ...string) string {
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "%-16d%s", len(p), p)
	}
	return b.String()
}

// oldHello is the hello of the original; name and group are JSON.
func oldHello(name, group string) string {
	return oldFrames(`$CLTHELLO$ {"name": ` + name + `, "group": ` + group + `}`)
}

// knock connects by hand and sends nothing.
func (w *world) knock() *oldPeer {
	stream, err := w.lis.Dial(w.ctx)
	require.NoError(w.t, err)
	return newOldPeer(w.t, stream)
}

// old joins by hand; name and group are JSON.
func (w *world) old(name, group string) *oldPeer {
	p := w.knock()
	p.send(oldHello(name, group))
	synctest.Wait()
	return p
}

// A hooked is what the error hook was told.
type hooked struct {
	conn bool
	code Code
}

// echoWorld is a world with a command "say" that is said back, and a client of the original
// that is served all the time: check looks whether it is.
func echoWorld(t *testing.T, opts *ServerOptions, f func(w *world, faults *kept[hooked], check func())) {
	inWorld(t, opts, func(w *world) {
		var faults kept[hooked]
		w.srv.OnError(func(c *Conn, err error) { faults.add(hooked{c != nil, CodeOf(err)}) })
		w.srv.OnBytes("say", func(_ context.Context, c *Conn, b []byte) error { return c.SendBytes("said", b) })
		w.serve()
		good := w.old(`"good"`, `null`)
		n := 0
		f(w, &faults, func() {
			t.Helper()
			n++
			good.take() // notices of others
			good.send(oldFrames(fmt.Sprint("say ", n)))
			good.want(fmt.Sprint("said ", n))
		})
	})
}

// A newcomer whose hello is wrong is refused without a word that it would not understand.
func TestClassicRefused(t *testing.T) {
	tests := map[string]struct {
		in   string
		code Code
	}{
		"junk":                    {"junk\r\n", CodeNotNative},
		"negative header":         {"-5              $CLTH", CodeNotNative},
		"sixteen nines":           {"9999999999999999", CodeTooBig},
		"hello too large":         {"99999           ", CodeTooBig},
		"letters in the header":   {"12ab            ", CodeProtocol},
		"underscore":              {"4_4             ", CodeProtocol},
		"another header length":   {"44    $CLTHELLO$ {", CodeProtocol},
		"no JSON":                 {oldFrames(`$CLTHELLO$ {"name"`), CodeProtocol},
		"empty":                   {oldFrames(``), CodeProtocol},
		"no hello":                {oldFrames(`say hello`), CodeProtocol},
		"no group":                {oldFrames(`$CLTHELLO$ {"name": "eve"}`), CodeProtocol},
		"no name":                 {oldFrames(`$CLTHELLO$ {"group": "red"}`), CodeProtocol},
		"name that is an array":   {oldHello(`["eve"]`, `null`), CodeBadName},
		"group that is an object": {oldHello(`null`, `{}`), CodeBadName},
		"name too long":           {oldHello(`"`+strings.Repeat("e", 129)+`"`, `null`), CodeBadName},
		"group too long":          {oldHello(`null`, `"`+strings.Repeat("e", 129)+`"`), CodeBadName},
		"name with a line end":    {oldHello(`"a\nb"`, `null`), CodeBadName},
		"a later release":         {oldFrames(`$CLTHELLO${"name": null, "group": null}`), CodeVersion},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
				p := w.knock()
				p.send(tc.in)
				require.Empty(t, p.take())
				require.True(t, p.isEnded())
				require.Equal(t, []hooked{{false, tc.code}}, faults.all())
				check()
			})
		})
	}
}

func TestClassicStrangers(t *testing.T) {
	echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
		http := w.knock()
		http.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.Contains(t, http.take(), "HTTP/1.1 400 ")
		require.True(t, http.isEnded())
		check()

		w.knock().close()
		check()
		half := w.knock()
		half.send(oldHello(`"eve"`, `null`)[:30])
		half.close()
		check()

		silent, slow := w.knock(), w.knock()
		slow.send(oldHello(`"eve"`, `null`)[:20])
		check()
		time.Sleep(11 * time.Second)
		require.True(t, silent.isEnded())
		require.Empty(t, slow.take(), "nothing that it would not understand")
		require.True(t, slow.isEnded())
		check()
		require.Equal(t, []hooked{
			{false, CodeNotNative}, {false, CodeConnLost}, {false, CodeConnLost},
			{false, CodeHelloTimeout}, {false, CodeHelloTimeout},
		}, faults.all())
		require.Equal(t, 1, w.srv.Len())
	})
}

// What a client sends that is no frame ends its own connection, and others are told.
func TestClassicBadFrames(t *testing.T) {
	tests := map[string]struct {
		in   string
		code Code
	}{
		"negative header":       {"-1              ", CodeProtocol},
		"sixteen nines":         {"9999999999999999", CodeTooBig},
		"larger than MaxFrame":  {"1025            ", CodeTooBig},
		"hexadecimal":           {"0x10            ", CodeProtocol},
		"two numbers":           {"1 1             ", CodeProtocol},
		"spaces":                {"                ", CodeProtocol},
		"zero bytes":            {strings.Repeat("\x00", 16), CodeProtocol},
		"behind a good command": {oldFrames("say hi") + "no header at all", CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, &ServerOptions{MaxFrame: 1024}, func(w *world, faults *kept[hooked], check func()) {
				witness, p := w.old(`"ada"`, `null`), w.old(`"eve"`, `null`)
				witness.take()
				p.send(tc.in)
				require.True(t, p.isEnded())
				require.Equal(t, []hooked{{true, tc.code}}, faults.all())
				witness.want(`$CLTDISCONN$ {"ip": ["pipe:3", 0], "name": "eve", "group": null}`)
				check()
			})
		})
	}
}
