//go:build !js

package media_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A client that hangs up while Authorize decides ends the decision and does not join, over every
// medium. Commands that a client sends while Authorize decides are handled once the client is in.
func TestHangUpDuringAuthorizeOverMedia(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		deciding, left := make(chan struct{}), make(chan struct{}, 16)
		release := make(chan struct{})
		opts := &core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(ctx context.Context, a *core.Admission) error {
			switch string(a.Auth) {
			case "gives up":
				deciding <- struct{}{}
				<-ctx.Done()
				left <- struct{}{}
			case "waits":
				<-release
			}
			return nil
		}}}
		said := make(chan string, 1)
		s := harness.NewScene(t, n, opts, func(s *harness.Scene) {
			core.On(s.Server, "say", func(_ context.Context, _ *core.Conn, text string) error { said <- text; return nil })
		})
		for _, half := range []bool{false, true} {
			p := n.Raw(t)
			p.Send(coretest.Hello(wire.Hello{Name: "ada", Auth: []byte("gives up"), Resume: true}))
			<-deciding
			if half {
				require.NoError(t, p.Stream.CloseWrite())
			} else {
				require.NoError(t, p.Stream.Close())
			}
			<-left
			s.WantFault(core.CodeConnLost, "the peer left during the handshake")
			p.Stream.Close() //nolint:errcheck // it is over
		}
		require.Equal(t, []string{"good"}, s.Server.Names())
		require.Empty(t, s.Joins)
		p := n.Raw(t)
		p.Send(coretest.Hello(wire.Hello{Name: "ada", Auth: []byte("waits")}), wire.AppendCommand(nil, "say", []byte("early")))
		close(release)
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		require.Equal(t, "early", <-said)
		p.StillThere()
		s.Check()
	})
}
