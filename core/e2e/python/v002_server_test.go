//go:build !js

package python_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A hooked is what the error hook was told.
type hooked struct {
	conn bool
	code core.Code
}

// echoWorld runs f in a world with a command "say" that is sent back, and a client of the original
// that must be served throughout: check sees that it is.
func echoWorld(t *testing.T, opts *core.ServerOptions, f func(w *world, faults *kept[hooked], check func()), register ...func(s *core.Server)) {
	inWorld(t, opts, func(w *world) {
		var faults kept[hooked]
		w.srv.OnError(func(c *core.Conn, err error) { faults.Add(hooked{c != nil, core.CodeOf(err)}) })
		w.srv.OnBytes("say", func(_ context.Context, c *core.Conn, b []byte) error { return c.SendBytes("said", b) })
		for _, r := range register {
			r(w.srv)
		}
		w.serve()
		good := w.old(`"good"`, `null`)
		n := 0
		f(w, &faults, func() {
			t.Helper()
			n++
			good.take() // notices of other clients
			good.send(oldFrames(fmt.Sprint("say ", n)))
			good.want(fmt.Sprint("said ", n))
		})
	})
}

// A newcomer with a wrong hello is refused without a word, which it might not understand. A newcomer with
// a well-formed hello is told that it is disconnected.
func TestRefused(t *testing.T) {
	bye := oldFrames("$DISCONN$")
	tests := map[string]struct {
		in   string
		code core.Code
		says string
	}{
		"junk":                    {"junk\r\n", core.CodeNotNative, ""},
		"negative header":         {"-5              $CLTH", core.CodeNotNative, ""},
		"sixteen nines":           {"9999999999999999", core.CodeTooBig, ""},
		"hello too large":         {"99999           ", core.CodeTooBig, ""},
		"letters in the header":   {"12ab            ", core.CodeProtocol, ""},
		"underscore":              {"4_4             ", core.CodeProtocol, ""},
		"another header length":   {"44    $CLTHELLO$ {", core.CodeProtocol, ""},
		"no JSON":                 {oldFrames(`$CLTHELLO$ {"name"`), core.CodeProtocol, ""},
		"empty":                   {oldFrames(``), core.CodeProtocol, ""},
		"no hello":                {oldFrames(`say hello`), core.CodeProtocol, ""},
		"no group":                {oldFrames(`$CLTHELLO$ {"name": "eve"}`), core.CodeProtocol, ""},
		"no name":                 {oldFrames(`$CLTHELLO$ {"group": "red"}`), core.CodeProtocol, ""},
		"name that is an array":   {oldHello(`["eve"]`, `null`), core.CodeBadName, ""},
		"group that is an object": {oldHello(`null`, `{}`), core.CodeBadName, ""},
		"name too long":           {oldHello(`"`+strings.Repeat("e", 129)+`"`, `null`), core.CodeBadName, bye},
		"group too long":          {oldHello(`null`, `"`+strings.Repeat("e", 129)+`"`), core.CodeBadName, bye},
		"name with a line end":    {oldHello(`"a\nb"`, `null`), core.CodeBadName, bye},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
				p := w.knock()
				p.send(tc.in)
				require.Equal(t, tc.says, p.take())
				require.True(t, p.isEnded())
				require.Equal(t, []hooked{{false, tc.code}}, faults.All())
				check()
			})
		})
	}
}

func TestStrangers(t *testing.T) {
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
		synctest.Wait()
		require.True(t, silent.isEnded())
		require.Empty(t, slow.take(), "nothing that it would not understand")
		require.True(t, slow.isEnded())
		check()
		require.Equal(t, []hooked{
			{false, core.CodeNotNative}, {false, core.CodeConnLost}, {false, core.CodeConnLost},
			{false, core.CodeHelloTimeout}, {false, core.CodeHelloTimeout},
		}, faults.All())
		require.Equal(t, 1, w.srv.Len())
	})
}

// A client that sends something else than a frame ends its own connection. The others are told.
func TestBadFrames(t *testing.T) {
	tests := map[string]struct {
		in   string
		code core.Code
	}{
		"negative header":       {"-1              ", core.CodeProtocol},
		"sixteen nines":         {"9999999999999999", core.CodeTooBig},
		"larger than MaxFrame":  {"1025            ", core.CodeTooBig},
		"hexadecimal":           {"0x10            ", core.CodeProtocol},
		"two numbers":           {"1 1             ", core.CodeProtocol},
		"spaces":                {"                ", core.CodeProtocol},
		"zero bytes":            {strings.Repeat("\x00", 16), core.CodeProtocol},
		"behind a good command": {oldFrames("say hi") + "no header at all", core.CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, &core.ServerOptions{Limits: core.Limits{MaxFrame: 1024}}, func(w *world, faults *kept[hooked], check func()) {
				witness, p := w.old(`"ada"`, `null`), w.old(`"eve"`, `null`)
				witness.take()
				p.send(tc.in)
				require.True(t, p.isEnded())
				require.Equal(t, []hooked{{true, tc.code}}, faults.All())
				witness.want(`$CLTDISCONN$ {"ip": ["pipe:3", 0], "name": "eve", "group": null}`)
				check()
			})
		})
	}
}

// Headers that the original reads are read here, too.
func TestTolerantHeaders(t *testing.T) {
	echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
		p := w.knock()
		p.send("0000000000000041" + `$CLTHELLO$ {"name": "ada", "group": null}`)
		for _, header := range []string{" 6              ", "+6              ", "6\t\r\n            ", "0000000000000006", "              +6"} {
			p.send(header + "say hi")
			p.want("said hi")
		}
		check()
		require.Empty(t, faults.All())
	})
}

func TestOptions(t *testing.T) {
	tests := map[string]struct {
		opts core.ServerOptions
		join []string  // one newcomer each
		code core.Code // of the last newcomer
	}{
		"not wanted":   {core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: -1}}, []string{oldHello(`null`, `null`)}, core.CodeNotNative},
		"name taken":   {core.ServerOptions{Access: core.Access{UniqueNames: true}}, []string{oldHello(`"ada"`, `null`), oldHello(`"ada"`, `"red"`)}, core.CodeNameTaken},
		"empty names":  {core.ServerOptions{Access: core.Access{UniqueNames: true}}, []string{oldHello(`""`, `null`), oldHello(`""`, `null`)}, core.CodeNone},
		"large hello":  {core.ServerOptions{Limits: core.Limits{MaxHello: 40}}, []string{oldHello(`"a"`, `null`), oldHello(`"abc"`, `null`)}, core.CodeTooBig},
		"short header": {core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: 2}}, []string{`40$CLTHELLO$ {"name": null, "group": null}`}, core.CodeNone},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				var faults kept[core.Code]
				w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(core.CodeOf(err)) })
				w.serve()
				var last *oldPeer
				for _, hello := range tc.join {
					last = w.knock()
					last.send(hello)
					synctest.Wait()
				}
				said := last.take()
				require.Equal(t, tc.code == core.CodeNameTaken, said == oldFrames("$DISCONN$"))
				require.Equal(t, tc.code != core.CodeNameTaken, said == "")
				require.Equal(t, tc.code != core.CodeNone, last.isEnded())
				require.Equal(t, tc.code, append(faults.All(), core.CodeNone)[0])
			})
		})
	}
}

// Both ways to leave over real sockets have one effect: the leave handler runs once, and the others
// are told once.
func TestLeavesOverTCP(t *testing.T) {
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	left := make(chan string, 10)
	srv := harness.NewServer(nil)
	srv.OnLeave(func(c *core.Conn, _ error) { left <- c.Name() })
	served := make(chan error, 1)
	go func() { served <- srv.Serve(t.Context(), l) }()
	dial := func() transport.Conn {
		c, err := tcp.Dialer(l.Addr(), nil).Dial(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(transporttest.Patience)))
		return c
	}
	ada := dial()
	defer ada.Close() //nolint:errcheck // it is over
	_, err = ada.Write([]byte(oldHello(`"ada"`, `null`)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return srv.Len() == 1 }, transporttest.Patience, time.Millisecond)
	told := func(mark string, bob transport.Conn) {
		t.Helper()
		_, port, _ := strings.Cut(bob.Info().Local, ":")
		want := oldFrames(mark + ` {"ip": ["127.0.0.1", ` + port + `], "name": "bob", "group": "red"}`)
		got := make([]byte, len(want))
		_, err := io.ReadFull(ada, got)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	for _, leave := range []func(c transport.Conn) error{
		transport.Conn.Close,
		transport.Conn.CloseWrite,
		func(c transport.Conn) error { return c.(transport.Resetter).Reset() },
	} {
		bob := dial()
		_, err = bob.Write([]byte(oldHello(`"bob"`, `"red"`)))
		require.NoError(t, err)
		told("$CLTCONN$", bob)
		require.NoError(t, leave(bob))
		told("$CLTDISCONN$", bob)
		require.Equal(t, "bob", <-left)
		bob.Close() //nolint:errcheck // it has left
	}
	ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
	defer cancel()
	shut := make(chan error, 1)
	go func() { shut <- srv.Shutdown(ctx) }()
	rest, err := io.ReadAll(struct{ io.Reader }{ada})
	require.NoError(t, err)
	require.Equal(t, oldFrames("$DISCONN$"), string(rest), "nothing was said twice")
	require.NoError(t, ada.Close())
	require.NoError(t, <-shut)
	require.NoError(t, <-served)
	require.Equal(t, "ada", <-left)
}

// A command for whose name there is no handler is handled by OnAny, with or without a message
// handler beside it.
func TestPrefixOfNone(t *testing.T) {
	for _, both := range []bool{false, true} {
		inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{Prefix: true}}, func(w *world) {
			var got kept[string]
			w.srv.OnBytes("say", func(_ context.Context, _ *core.Conn, p []byte) error { got.Add("say " + string(p)); return nil })
			w.srv.OnAny(func(_ context.Context, _ *core.Conn, f core.Frame) error {
				got.Add("any " + f.Command + " " + string(f.Payload))
				return nil
			})
			if both {
				w.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error { got.Add("message"); return nil })
			}
			w.serve()
			p := w.old(`"eve"`, "null")
			p.send(oldFrames("hello there", "say it"))
			synctest.Wait()
			want := []string{"any hello there", "say it"}
			if both {
				want = []string{"any hello there", "message", "say it", "message"}
			}
			require.Equal(t, want, got.All())
			p.close()
		})
	}
}
