//go:build !js

package python_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
)

// pythonServer accepts the one client that connect makes, as a Python server does.
func pythonServer(t *testing.T, opts *core.ClientOptions, register ...func(cl *core.Client)) (*core.Client, *python) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cl := clientOf(t, l.Addr().String(), opts)
	for _, f := range register {
		f(cl)
	}
	ctx, cancel := coretest.Patient()
	defer cancel()
	require.NoError(t, cl.Connect(ctx))
	stream, err := l.Accept()
	require.NoError(t, err)
	return cl, newPython(t, stream)
}

// HiSockClient(addr, name, group, blocking, header_len), connect
func TestClient(t *testing.T) {
	tests := map[string]struct {
		name, group string
		header      int
	}{
		"name and group": {name: "alice", group: "red"},
		"name":           {name: `Zoë "Z" 🦊`},
		"group":          {group: "red"},
		"neither":        {},
		"header_len":     {name: "alice", group: "red", header: 6},
	}
	for name, tc := range tests {
		opts := core.ClientOptions{Name: tc.name}
		if tc.group != "" {
			opts.Groups = []string{tc.group}
		}
		t.Run(name, func(t *testing.T) {
			o := newOriginal(t, nil)
			cl := o.client(&opts)
			c := o.enter(cl)
			require.Equal(t, tc.name, c.Name())
			require.Equal(t, tc.name, cl.Name())
			require.Equal(t, len(opts.Groups), len(c.Groups()))
			require.Equal(t, tc.group != "", c.InGroup(tc.group))
			o.check(cl)
		})
		t.Run(name+", to Python", func(t *testing.T) {
			opts := opts
			opts.Classic = &core.Classic{HeaderLen: tc.header}
			cl, p := pythonServer(t, &opts)
			if tc.header > 0 {
				p.header = tc.header
			}
			p.gets(asciiHello(tc.name, tc.group))
			require.NoError(t, cl.Send("say", "hello"))
			p.gets("say hello")
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		err = clientOf(t, l.Addr().String(), nil).Connect(t.Context())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
}

// asciiHello is pythonHello with non-ASCII text as Python's JSON has it.
func asciiHello(name, group string) string {
	if name == `Zoë "Z" 🦊` {
		return `$CLTHELLO$ {"name": "Zo\u00eb \"Z\" \ud83e\udd8a", "group": null}`
	}
	return pythonHello(name, group)
}

// client_connect, client_disconnect: other clients came and went, with their name, group and
// address
func TestNotices(t *testing.T) {
	o := newOriginal(t, &core.ServerOptions{Access: core.Access{Notices: harness.TellEverything}})
	type notice struct {
		what string
		who  core.Presence
	}
	notices := make(chan notice, harness.EventRoom)
	watcher := o.client(&core.ClientOptions{Name: "watcher"})
	watcher.OnClientConnect(func(p core.Presence) { notices <- notice{"came", p} })
	watcher.OnClientDisconnect(func(p core.Presence) { notices <- notice{"went", p} })
	o.enter(watcher)
	old := o.python("old", "")
	require.Equal(t, notice{"came", core.Presence{Name: "old", Addr: old.LocalAddr().String()}}, coretest.Next(t, notices))
	told := func(what, name, addr string, groups ...string) {
		t.Helper()
		require.Equal(t, notice{what, core.Presence{Name: name, Groups: groups, Addr: addr}}, coretest.Next(t, notices))
		python, group := "$CLTCONN$", ""
		if what == "went" {
			python = "$CLTDISCONN$"
		}
		if len(groups) > 0 {
			group = groups[0] // the original's client knows of at most one group
		}
		old.gets(pythonNotice(python, addr, name, group))
	}

	ada := o.join("ada", "blue", "red")
	told("came", "ada", ada.Conn().Addr(), "blue", "red")
	bob := o.python("bob", "red")
	told("came", "bob", bob.LocalAddr().String(), "red")
	none := o.python("", "")
	told("came", "", none.LocalAddr().String())

	bob.vanishes()
	told("went", "bob", bob.LocalAddr().String(), "red")
	none.gets(pythonNotice("$CLTDISCONN$", bob.LocalAddr().String(), "bob", "red")) // and no notice about itself
	require.NoError(t, none.CloseWrite())                                           // an orderly end; the original tells nobody of it
	told("went", "", none.LocalAddr().String())
	none.ends()
	require.NoError(t, ada.Close())
	told("went", "ada", ada.Conn().Addr(), "blue", "red")
	require.Empty(t, notices)
	o.check(watcher)
}

// The same from a Python server. The library adds nothing to its notices.
func TestNoticesFromPython(t *testing.T) {
	notices := make(chan core.Presence, harness.EventRoom)
	cl, p := pythonServer(t, &core.ClientOptions{Classic: &core.Classic{}}, func(cl *core.Client) {
		cl.OnClientConnect(func(p core.Presence) { notices <- p })
		cl.OnClientDisconnect(func(p core.Presence) { notices <- p })
	})
	p.gets(pythonHello("", ""))
	for _, what := range []string{"$CLTCONN$", "$CLTDISCONN$"} {
		p.sends(pythonNotice(what, "127.0.0.1:45362", "bob", "red"), pythonNotice(what, "10.0.0.255:65535", "", ""))
		require.Equal(t, core.Presence{Name: "bob", Groups: []string{"red"}, Addr: "127.0.0.1:45362"}, coretest.Next(t, notices))
		require.Equal(t, core.Presence{Addr: "10.0.0.255:65535"}, coretest.Next(t, notices))
	}
	require.NoError(t, cl.Close())
}

// A serverEnd is the server's end of a client, by which a test sends and gets messages.
type serverEnd interface {
	sendsCommand(command, content string)
	sendsRaw(payload string)
	getsCommand(command, content string)
	getsRaw(payload string)
}

type nativeEnd struct {
	o *original
	c *core.Conn
}

func (e nativeEnd) sendsCommand(command, content string) {
	require.NoError(e.o.t, e.c.Send(command, content))
}

func (e nativeEnd) sendsRaw(payload string) {
	require.NoError(e.o.t, e.c.SendRaw([]byte(payload)))
}

func (e nativeEnd) getsCommand(command, content string) { e.o.hears(command + " " + content) }
func (e nativeEnd) getsRaw(payload string)              { e.o.hears(" " + payload) }

type pythonEnd struct{ *python }

func (e pythonEnd) sendsCommand(command, content string) { e.sends(command + " " + content) }
func (e pythonEnd) sendsRaw(payload string)              { e.sends(payload) }
func (e pythonEnd) getsCommand(command, content string)  { e.gets(command + " " + content) }
func (e pythonEnd) getsRaw(payload string)               { e.gets(payload) }

// toBoth runs f with a client of each kind of server. register adds the client's handlers.
func toBoth(t *testing.T, opts core.ClientOptions, register func(cl *core.Client), f func(t *testing.T, cl *core.Client, end serverEnd)) {
	t.Run("native", func(t *testing.T) {
		o := newOriginal(t, nil, func(o *original) {
			o.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
				o.heard <- f.Command + " " + string(f.Payload)
				return nil
			})
		})
		cl := o.client(&opts)
		register(cl)
		f(t, cl, nativeEnd{o, o.enter(cl)})
		require.Empty(t, o.faults)
	})
	t.Run("to Python", func(t *testing.T) {
		opts := opts
		opts.Classic = &core.Classic{}
		cl, p := pythonServer(t, &opts, register)
		p.gets(pythonHello(opts.Name, ""))
		f(t, cl, pythonEnd{p})
	})
}

// send, raw_send, recv_raw, update, close
func TestClientSend(t *testing.T) {
	heard := make(chan string, harness.EventRoom)
	register := func(cl *core.Client) {
		core.On(cl, "tick", func(_ context.Context, _ *core.Conn, n string) error { heard <- n; return nil })
	}
	toBoth(t, core.ClientOptions{Name: "alice"}, register, func(t *testing.T, cl *core.Client, end serverEnd) {
		require.NoError(t, cl.Send("say", "hello"))
		end.getsCommand("say", "hello")
		require.NoError(t, cl.Send("nop", nil))
		end.getsCommand("nop", "")
		require.NoError(t, cl.Send("sum", 2.5))
		end.getsCommand("sum", "2.5")
		require.NoError(t, cl.SendRaw([]byte("plain\x00\xff")))
		end.getsRaw("plain\x00\xff")

		type received struct {
			payload []byte
			err     error
		}
		ctx, cancel := coretest.Patient()
		defer cancel()
		result := make(chan received, 1)
		go func() {
			payload, err := cl.RecvRaw(ctx)
			result <- received{payload, err}
		}()
		end.sendsCommand("tick", "1") // dispatched although RecvRaw waits
		require.Equal(t, "1", coretest.Next(t, heard))
		require.Empty(t, result)
		end.sendsRaw("answer\x00\xff")
		require.Equal(t, received{[]byte("answer\x00\xff"), nil}, coretest.Next(t, result))

		ended, end1 := context.WithCancel(ctx)
		end1()
		_, err := cl.RecvRaw(ended)
		require.ErrorIs(t, err, context.Canceled)
		end.sendsRaw("later") // kept while nobody waits for it
		end.sendsCommand("tick", "2")
		require.Equal(t, "2", coretest.Next(t, heard))
		payload, err := cl.RecvRaw(ctx)
		require.NoError(t, err)
		require.Equal(t, "later", string(payload))

		go func() {
			_, err := cl.RecvRaw(ctx)
			result <- received{err: err}
		}()
		require.NoError(t, cl.Send("say", "last"))
		require.NoError(t, cl.Close())
		end.getsCommand("say", "last") // sent before the end
		require.Equal(t, core.CodeClosed, core.CodeOf(coretest.Next(t, result).err))
		require.Equal(t, core.CodeClosed, core.CodeOf(cl.Send("say", "too late")))
		require.NoError(t, cl.Close())
	})
}

func TestClientUpdate(t *testing.T) {
	var ticks []string // without a lock: all handlers run on one goroutine
	register := func(cl *core.Client) {
		ticks = nil
		core.On(cl, "tick", func(_ context.Context, _ *core.Conn, n string) error {
			ticks = append(ticks, n+" on "+goroutine())
			return nil
		})
	}
	toBoth(t, core.ClientOptions{Manual: true}, register, func(t *testing.T, cl *core.Client, end serverEnd) {
		ctx, cancel := coretest.Patient()
		defer cancel()
		here := " on " + goroutine()
		o := &original{t: t, ctx: ctx}
		o.spin(func() bool { return cl.Update(0) == 0 }, func() int { return 0 }) // not blocking: no message waits
		end.sendsCommand("tick", "1")
		o.spin(func() bool { return len(ticks) == 1 }, func() int { return cl.Update(0) })
		end.sendsCommand("tick", "2")
		end.sendsRaw("answer")
		payload, err := cl.RecvRaw(ctx) // needs no Update, and runs no handler here
		require.NoError(t, err)
		require.Equal(t, "answer", string(payload))
		require.Equal(t, []string{"1" + here}, ticks)
		o.spin(func() bool { return len(ticks) == 2 }, func() int { return cl.Update(0) })
		end.sendsCommand("tick", "3")
		require.NoError(t, cl.Close())
		require.NoError(t, cl.Run(ctx), "blocking, until the connection has ended")
		require.Equal(t, []string{"1" + here, "2" + here}, ticks[:2])
	})
}

// ThreadedHiSockClient, threaded_connect: start, stop, join
func TestThreadedClient(t *testing.T) {
	began := make(chan struct{}, 1)
	var ended []string // by the handlers; the Close waits for them
	register := func(cl *core.Client) {
		ended = nil
		core.On(cl, "long", func(ctx context.Context, _ *core.Conn, _ string) error {
			began <- struct{}{}
			<-ctx.Done()
			ended = append(ended, "handler")
			return nil
		})
		cl.OnState(func(s core.State, _ error) { ended = append(ended, s.String()) })
	}
	toBoth(t, core.ClientOptions{}, register, func(t *testing.T, cl *core.Client, end serverEnd) {
		end.sendsCommand("long", "") // runs by itself
		coretest.Next(t, began)
		select {
		case <-cl.Done():
			require.Fail(t, "it has not been stopped")
		default:
		}
		require.NoError(t, cl.Err())
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, []string{"connected", "handler", "disconnected"}, ended)
		require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
		if p, ok := end.(pythonEnd); ok {
			_, err := p.in.ReadByte()
			require.ErrorIs(t, err, syscall.ECONNRESET, "an orderly end would stop a Python server")
		}
	})
	t.Run("idle", func(t *testing.T) { // the original's threaded client does not stop when it is idle
		o := newOriginal(t, nil)
		cl := o.join("ada")
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, "ada", coretest.Next(t, o.leaves).Conn.Name())
	})
}
