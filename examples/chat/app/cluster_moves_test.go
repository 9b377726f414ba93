package app

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A fork is a way to one of several servers.
type fork struct {
	way  atomic.Pointer[transport.Dialer]
	conn atomic.Pointer[transport.Conn] // the last connection
}

func (f *fork) turn(to transport.Dialer) { f.way.Store(&to) }

// Dial implements [transport.Dialer].
func (f *fork) Dial(ctx context.Context) (transport.Conn, error) {
	c, err := (*f.way.Load()).Dial(ctx)
	if err == nil {
		f.conn.Store(&c)
	}
	return c, err
}

// A member whose connection breaks off goes on at another node.
func TestAMemberThatMoves(t *testing.T) {
	t.Parallel()
	k := newTestCluster()
	a, b := k.start(t, "alpha"), k.start(t, "beta")
	ada := a.joins(t, a.tcp, "ada")
	cleo := b.joins(t, b.tcp, "cleo")
	ada.Sees("* cleo joined")
	var way fork
	way.turn(made(newDialer(a.tcp)))
	bob := newTestClient(&way, &core.ClientOptions{Name: "bob", Logger: core.Silent})
	resumed, places, rolls, lines := make(chan bool, 1), make(chan place, 8), make(chan roll, 8), make(chan line, 8)
	bob.OnState(func(s core.State, _ error) {
		if s == core.StateResumed {
			resumed <- true
		}
	})
	put(bob, "node", places)
	put(bob, "here", rolls)
	put(bob, "said", lines)
	require.NoError(t, bob.Connect(t.Context()))
	defer bob.Close()
	require.Equal(t, "alpha", (<-places).Node)
	was := (<-rolls).You
	cleo.Sees("* bob joined")

	way.turn(made(newDialer(b.tcp)))
	require.NoError(t, (*way.conn.Load()).Close())
	<-resumed
	for (<-places).Node != "beta" { // alpha may have told of its nodes
	}
	now := <-rolls
	require.NotEqual(t, was, now.You)
	require.Contains(t, now.Here, member{ID: now.You, Name: "bob"})
	require.NotContains(t, now.Here, member{ID: was, Name: "bob", Node: "alpha"})
	ada.Say("where are you?")
	require.Equal(t, "where are you?", (<-lines).Text)
	_, err := core.Call[struct{}](t.Context(), bob, "say", "at beta")
	require.NoError(t, err)
	ada.Sees("bob: at beta")
	cleo.Sees("bob: at beta")
	ada.Sees("* bob left")
	require.Eventually(t, func() bool { // each list has bob once
		eve := a.joins(t, a.tcp, "eve")
		eve.EOF()
		return eve.Wait() == exitOK && strings.Count(eve.Out.Lines()[0], "bob") == 1
	}, patience, 10*time.Millisecond)
}

// put has the values of a command put into a channel.
func put[T any](c *core.Client, command string, into chan T) {
	core.On(c, command, func(_ context.Context, _ *core.Conn, v T) error {
		into <- v
		return nil
	})
}
