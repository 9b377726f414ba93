//go:build !js

package core

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A session waits only for a client that has said that it has been welcomed. Another client has
// left when its stream breaks off.
func TestNobodyIsSuspendedWithoutToken(t *testing.T) {
	tests := map[string]struct {
		send []byte
		want []string
	}{
		"nothing came":             {nil, []string{"join ada", "leave ada: connection lost"}},
		"what it sent beforehand":  {wire.AppendCommand(nil, "say", nil), []string{"join ada", "leave ada: connection lost"}},
		"it says that it is there": {wire.AppendAck(nil, 0), []string{"join ada", "suspend ada", "leave ada: connection lost"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}}, func(w *world) {
				events := w.events()
				w.serve()
				p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
				require.Equal(t, wire.KindWelcome, p.Want().Kind)
				start := time.Now()
				p.Send(tc.send)
				p.Stream.Close() //nolint:errcheck // it is cut
				for w.srv.Len() > 0 {
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				require.Equal(t, tc.want, events.All())
				if len(tc.want) < 3 {
					require.Less(t, time.Since(start), time.Second)
				}
				require.NoError(t, w.join(w.client("ada")).Close())
			})
		})
	}
}

// A client that comes back with its token has been welcomed, whether its ack has come or not.
func TestTokenConfirms(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		first := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
		welcome, err := wire.ParseWelcome(first.Want().Body, nil)
		require.NoError(t, err)
		second := w.helloOf(&wire.Hello{Name: "ada", Resume: true, Session: welcome.Session, Token: welcome.Token})
		welcome, err = wire.ParseWelcome(second.Want().Body, nil)
		require.NoError(t, err)
		require.True(t, welcome.Resumed)
		synctest.Wait()
		require.Equal(t, []string{"join ada", "suspend ada", "resume ada"}, events.All())
		first.Stream.Close()  //nolint:errcheck // it is over
		second.Stream.Close() //nolint:errcheck // it is over
	})
}

// A client acknowledges the welcome at once, whatever its program does, and also with Manual. The
// ack has no other effect.
func TestClientConfirms(t *testing.T) {
	for name, opts := range map[string]*ClientOptions{
		"by itself": {}, "with Manual": {Manual: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lis := transport.NewPipeListener()
				opts.Codec = testCodec{}
				cl := newTestClient(lis, opts)
				release := make(chan struct{})
				cl.OnState(func(s State, _ error) {
					if s == StateConnected {
						<-release // nothing else is written before
					}
				})
				connected := make(chan error, 1)
				go func() { connected <- cl.Connect(t.Context()) }()
				stream, err := lis.Accept()
				require.NoError(t, err)
				p := &coretest.Peer{T: t, Stream: stream}
				_, err = p.Answer(&wire.Welcome{Session: []byte("8 bytes."), Token: []byte("a token of 16 B.")})
				require.NoError(t, err)
				f := p.Want()
				require.Equal(t, wire.KindAck, f.Kind)
				n, err := wire.ParseAck(f.Body)
				require.NoError(t, err)
				require.Zero(t, n)
				require.NoError(t, <-connected)
				close(release)
				require.NoError(t, cl.Close())
				if opts.Manual {
					require.NoError(t, cl.Run(t.Context()))
				}
				p.WantGoodbye(CodeClosed, "")
				<-cl.Done()
				lis.Close() //nolint:errcheck // it is over
			})
		})
	}
}
