//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport"
)

// An oldServer is a dialer to a server of the original by hand.
type oldServer struct {
	t       *testing.T
	unable  bool // the transport cannot reset
	clients []*oldPeer
	near    []*tap
	resets  kept[string] // for each client that broke off: what had been written
}

func (s *oldServer) Dial(context.Context) (transport.Conn, error) {
	near, far := transport.Pipe()
	c := &tap{Conn: near, addr: "127.0.0.1:40000"}
	s.near = append(s.near, c)
	s.clients = append(s.clients, newOldPeer(s.t, far))
	if s.unable {
		return c, nil
	}
	return &resetTap{tap: c, resets: &s.resets}, nil
}

// A resetTap is a tap of a transport that can reset.
type resetTap struct {
	*tap
	resets *kept[string]
}

func (c *resetTap) Reset() error {
	c.resets.Add(strings.Join(c.writes.All(), ""))
	return c.Close()
}

// A listening is a record of what a client of the original's protocol heard.
type listening struct {
	kept[string]
	faults kept[core.Code]
}

// listenTo records the notices and faults of a client.
func listenTo(cl *core.Client) *listening {
	l := &listening{}
	notice := func(what string) func(p core.Presence) {
		return func(p core.Presence) {
			b, _ := json.Marshal(p.Groups)
			l.Add(what + " " + p.Name + " " + string(b) + " " + p.Addr)
		}
	}
	cl.OnClientConnect(notice("came"))
	cl.OnClientDisconnect(notice("went"))
	cl.OnError(func(_ *core.Conn, err error) { l.faults.Add(core.CodeOf(err)) })
	return l
}

// commands records every command, too.
func (l *listening) commands(cl *core.Client) {
	cl.OnAny(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		l.Add(f.Command + " " + string(f.Payload))
		return nil
	})
}

// oldClient returns a client that records all that it hears. Raw messages are left to RecvRaw.
func oldClient(s *oldServer, opts *core.ClientOptions) (*core.Client, *listening) {
	opts.Codec = testCodec{}
	if opts.Classic == nil {
		opts.Classic = &core.Classic{}
	}
	cl := harness.NewClient(s, opts)
	l := listenTo(cl)
	for _, command := range []string{"sum", "nop", "grüße", "news", "tick", "n", "blob", "wait"} {
		cl.OnBytes(command, func(ctx context.Context, _ *core.Conn, b []byte) error {
			l.Add(command + " " + string(b))
			if command == "wait" {
				<-ctx.Done()
			}
			return nil
		})
	}
	return cl, l
}

// inBubble runs f in a bubble with a server of the original.
func inBubble(t *testing.T, f func(t *testing.T, s *oldServer)) {
	synctest.Test(t, func(t *testing.T) {
		s := &oldServer{t: t}
		defer func() { // also if f fails
			for i := range s.clients {
				s.clients[i].close()
				s.near[i].Close() //nolint:errcheck // it is over
			}
		}()
		f(t, s)
	})
}

func TestClientConnects(t *testing.T) {
	tests := map[string]struct {
		opts core.ClientOptions
		want string
	}{
		"nobody":         {core.ClientOptions{}, oldHello(`null`, `null`)},
		"name and group": {core.ClientOptions{Name: "Zoë", Groups: []string{"grüppe"}}, oldHello(`"Zo\u00eb"`, `"gr\u00fcppe"`)},
		"another header": {
			core.ClientOptions{Name: "ada", Classic: &core.Classic{HeaderLen: 6}},
			`41    $CLTHELLO$ {"name": "ada", "group": null}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl, _ := oldClient(s, &tc.opts)
				var states kept[core.State]
				cl.OnState(func(s core.State, _ error) { states.Add(s) })
				require.NoError(t, cl.Connect(t.Context()), "without an answer")
				require.Equal(t, tc.want, s.clients[0].take())
				require.Equal(t, []core.State{core.StateConnected}, states.All())
				require.Equal(t, tc.opts.Name, cl.Name())
				require.Equal(t, tc.opts.Groups, cl.Groups())
				time.Sleep(time.Hour)
				synctest.Wait()
				require.NoError(t, cl.Err(), "there are no heartbeats")
				require.Empty(t, s.clients[0].take())
				require.NoError(t, cl.Close())
				<-cl.Done()
				require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
			})
		})
	}
}

// A client leaves with a reset, after all queued messages.
func TestClientLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl, _ := oldClient(s, &core.ClientOptions{Retry: core.Retry{Off: true}, Name: "ada"})
		require.NoError(t, cl.Connect(t.Context()))
		want := oldHello(`"ada"`, `null`)
		for range 100 {
			require.NoError(t, cl.SendBytes("bulk", make([]byte, 8<<10)))
			want += oldFrames("bulk " + strings.Repeat("\x00", 8<<10))
		}
		require.NoError(t, cl.SendRaw([]byte("last")))
		want += oldFrames("last")
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Len(t, s.resets.All(), 1)
		requireSame(t, want, s.resets.All()[0])
		requireSame(t, want, s.clients[0].take())
		s.near[0].requireWhole(t, 16)
	})
	inBubble(t, func(t *testing.T, s *oldServer) {
		s.unable = true
		cl, _ := oldClient(s, &core.ClientOptions{Retry: core.Retry{Off: true}})
		require.NoError(t, cl.Connect(t.Context()))
		require.NoError(t, cl.Send("bye", 1))
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, oldHello(`null`, `null`)+oldFrames("bye 1"), s.clients[0].take())
		require.True(t, s.clients[0].isEnded())
	})
}

func TestClientCannot(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl, _ := oldClient(s, &core.ClientOptions{Retry: core.Retry{Off: true}, Classic: &core.Classic{HeaderLen: 2}})
		require.NoError(t, cl.Connect(t.Context()))
		_, err := cl.CallBytes(t.Context(), "sum", nil)
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(cl.Join(t.Context(), "red")))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(cl.Leave(t.Context(), "red")))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(cl.Rename(t.Context(), "eve")))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(cl.SendRaw([]byte("$CLTCONN$ {}"))))
		require.Equal(t, core.CodeBadName, core.CodeOf(cl.Send("two words", 1)))
		require.Equal(t, core.CodeBadName, core.CodeOf(cl.Send("$x$", 1)))
		require.Equal(t, core.CodeTooBig, core.CodeOf(cl.SendBytes("say", make([]byte, 96))))
		require.NoError(t, cl.SendBytes("say", make([]byte, 95)))
		require.Equal(t, `40$CLTHELLO$ {"name": null, "group": null}99say `+strings.Repeat("\x00", 95), s.clients[0].take())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A server that goes, in order or not, or that sends nonsense, ends the client's connection.
func TestClientIsLeft(t *testing.T) {
	tests := map[string]struct {
		reset bool
		in    string
		code  core.Code
	}{
		"in order":         {code: core.CodeConnLost},
		"with a reset":     {reset: true, code: core.CodeConnLost},
		"in half a frame":  {in: "5               ab", code: core.CodeConnLost},
		"no header":        {in: "HTTP/1.1 200 OK\r\n", code: core.CodeProtocol},
		"negative header":  {in: "-1              ", code: core.CodeProtocol},
		"sixteen nines":    {in: "9999999999999999", code: core.CodeTooBig},
		"in a native word": {in: strings.Repeat("\x02\x10\x00", 6), code: core.CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl, heard := oldClient(s, &core.ClientOptions{Retry: core.Retry{Off: true}})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].send(oldFrames("wait for ever") + tc.in)
				synctest.Wait()
				s.near[0].broken.Store(tc.reset)
				if tc.code == core.CodeConnLost {
					s.clients[0].close()
				}
				_, err := cl.RecvRaw(t.Context())
				require.Equal(t, tc.code.String(), core.CodeOf(err).String())
				<-cl.Done()
				require.Equal(t, tc.code.String(), core.CodeOf(cl.Err()).String())
				require.Equal(t, tc.reset, errors.Is(cl.Err(), errBroken))
				require.Equal(t, []string{"wait for ever"}, heard.All(), "the handler's context has ended")
			})
		})
	}
}
