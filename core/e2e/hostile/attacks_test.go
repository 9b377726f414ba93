//go:build !js

package hostile_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

// An attack is an attempt to harm a server or its clients.
type attack struct {
	opts    core.ServerOptions
	more    func(a *arena) // registers handlers besides the arena's own
	media   []string       // names of media; nil for all that strangers can reach
	cluster bool           // the server is a node of a cluster of two
	tries   [2]int         // tries in the short and the long form
	grows   int            // KiB by which the memory of the server and of the attacker's end may grow

	// run tries that often and returns what the attacker got. It calls worst when the server holds
	// most.
	run func(a *arena, tries int) (got string)
}

// honestClients is the number of clients that exchange commands during an attack.
const honestClients = 10

// During each attack over real sockets honest clients lose nothing. The attacker gets nothing that
// it should not get, and the server's memory stays within a bound.
func TestAttacks(t *testing.T) {
	long := os.Getenv("HISOCK_SOAK") != ""
	attacks := maps.Clone(handshakeAttacks)
	for _, more := range []map[string]attack{frameAttacks, floodAttacks, memoryAttacks, nameAttacks, sessionAttacks, noticeAttacks, streamAttacks, windowAttacks, compressionAttacks, clusterAttacks} {
		maps.Copy(attacks, more)
	}
	for name, at := range attacks {
		t.Run(name, func(t *testing.T) {
			media := at.media
			if media == nil {
				media = harness.Sockets
			}
			harness.Over(t, media, func(t *testing.T, n *harness.Network) {
				tries := at.tries[0]
				if long {
					tries = at.tries[1]
				}
				opts := at.opts
				var other *pair
				if at.cluster {
					other = newPair(t, opts)
					opts = pairedOptions(opts, other.broker)
				}
				a := newArena(t, n, opts, at.more)
				a.pair = other
				got := at.run(a, tries)
				commands, lost := a.close()
				if other != nil {
					other.close(t)
				}
				require.Zero(t, lost)
				grew := int(a.peak.Load()>>10) - int(a.before>>10)
				require.LessOrEqual(t, grew, at.grows, "KiB")
				t.Logf("soak: attack=%q over=%s tries=%d lost=0 of %d got=%q grew=%d KiB of %d",
					name, n.Name, tries, 2*commands, got, max(grew, 0), at.grows)
			})
		})
	}
}

// An arena is a server with honest clients, and an attacker on the same network.
type arena struct {
	*testing.T
	srv     *core.Server
	net     *harness.Network
	honest  []*core.Client
	stop    atomic.Bool
	ended   chan error
	sent    atomic.Int64
	faults  atomic.Int64
	handled atomic.Int64 // commands of attackers, in all
	joined  atomic.Int64 // attackers that are in
	stopped atomic.Int64 // handlers of streams that have stopped to take
	left    chan harness.Departure
	before  uint64
	peak    atomic.Uint64
	peers   []*coretest.Peer
	pair    *pair // the other node; nil if the server is alone
}

func newArena(t *testing.T, n *harness.Network, opts core.ServerOptions, more func(a *arena)) *arena {
	a := &arena{T: t, net: n, ended: make(chan error, honestClients), left: make(chan harness.Departure, 1<<16)}
	if opts.Logger == nil {
		opts.Logger = core.Silent
	}
	a.srv = harness.NewServer(&opts)
	next := sync.Map{} // by honest client: the number of its next command
	core.On(a.srv, "up", func(_ context.Context, c *core.Conn, i int) error {
		want, _ := next.LoadOrStore(c.Name(), new(int))
		if want := want.(*int); i != *want {
			a.faults.Add(1)
		} else {
			*want++
		}
		return c.Send("down", i)
	})
	a.srv.OnBytes("flood", func(context.Context, *core.Conn, []byte) error { a.handled.Add(1); return nil })
	a.srv.HandleBytes("echo", harness.Echo)
	a.srv.HandleBytes("never", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, core.Concurrent())
	a.srv.OnJoin(func(c *core.Conn) {
		if !isHonest(c) {
			a.joined.Add(1)
		}
	})
	a.srv.OnLeave(func(c *core.Conn, why error) {
		if isHonest(c) {
			if !a.stop.Load() {
				a.faults.Add(1)
			}
			return
		}
		a.joined.Add(-1)
		a.left <- harness.Departure{Conn: c, Why: why}
	})
	if more != nil {
		more(a)
	}
	go a.srv.Serve(t.Context(), n.Listener) //nolint:errcheck // nil after Shutdown
	if opts.Cluster.Relay != nil {
		require.NoError(t, a.srv.Cluster().Join(t.Context()))
	}
	for i := range honestClients {
		a.addHonest(i)
	}
	a.before = coretest.Heap()
	a.peak.Store(a.before)
	return a
}

func isHonest(c *core.Conn) bool { return len(c.Name()) > 7 && c.Name()[:7] == "honest " }

// addHonest starts an honest client: it sends commands, and waits for each to come back.
func (a *arena) addHonest(i int) {
	cl := harness.NewClient(a.net.Dialer, &core.ClientOptions{
		Name: fmt.Sprint("honest ", i), Groups: []string{"all"}, Auth: []byte("honest"), Logger: core.Silent,
	})
	back := make(chan int, 16)
	core.On(cl, "down", func(_ context.Context, _ *core.Conn, n int) error { back <- n; return nil })
	require.NoError(a, cl.Connect(a.Context()))
	a.honest = append(a.honest, cl)
	go func() {
		a.ended <- func() error {
			for n := 0; ; n++ {
				if err := cl.Send("up", n); err != nil {
					return err
				}
				select {
				case got := <-back:
					if got != n {
						a.faults.Add(1)
					}
				case <-time.After(2 * transporttest.Patience):
					return fmt.Errorf("command %d does not come back", n)
				}
				a.sent.Add(1)
				if a.stop.Load() {
					return nil
				}
				time.Sleep(2 * time.Millisecond)
			}
		}()
	}()
}

// worst records the memory that is held.
func (a *arena) worst() {
	if h := coretest.Heap(); h > a.peak.Load() {
		a.peak.Store(h)
	}
}

// close ends the attack. It returns the number of commands that honest clients have exchanged, and
// the number of those that went wrong.
func (a *arena) close() (commands, lost int64) {
	require.Len(a, a.ended, 0, "all go on")
	before := a.sent.Load()
	require.Eventually(a, func() bool { return a.sent.Load() > before+3*honestClients }, transporttest.Patience, time.Millisecond)
	a.stop.Store(true)
	for range honestClients {
		require.NoError(a, <-a.ended)
	}
	for _, p := range a.peers {
		p.Stream.Close()
	}
	for _, cl := range a.honest {
		require.NoError(a, cl.Err())
		require.NoError(a, cl.Close())
	}
	ctx, cancel := coretest.Patient()
	defer cancel()
	require.NoError(a, a.srv.Shutdown(ctx))
	require.Zero(a, a.joined.Load())
	return a.sent.Load(), a.faults.Load()
}

// raw connects by hand. The stream stays open until the attack is over.
func (a *arena) raw() *coretest.Peer {
	p := a.net.Raw(a.T)
	a.peers = append(a.peers, p)
	return p
}

// hello connects by hand and completes the handshake.
func (a *arena) hello(h wire.Hello) (*coretest.Peer, *wire.Welcome) {
	p := a.raw()
	p.Send(coretest.Hello(h))
	f := p.Want()
	require.Equal(a, wire.KindWelcome.String(), f.Kind.String())
	welcome, err := wire.ParseWelcome(f.Body, nil)
	require.NoError(a, err)
	if len(welcome.Token) > 0 && !welcome.Resumed {
		p.Send(wire.AppendAck(nil, 0)) // the peer has the token
	}
	return p, welcome
}

// goes lets a peer made by [arena.hello] say goodbye, waits until the server has noticed, and forgets the peer, whose buffers
// would otherwise count as memory of the attack.
func (a *arena) goes(p *coretest.Peer) {
	a.Helper()
	p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
	p.WantEnd()
	a.leaves(core.CodeClosed)
	p.Stream.Close()
	a.peers = slices.DeleteFunc(a.peers, func(other *coretest.Peer) bool { return other == p })
}

// ends wants a goodbye with that code, and that the client has left with it.
func (a *arena) ends(p *coretest.Peer, code core.Code) {
	a.Helper()
	p.WantGoodbye(code, "")
	a.leaves(code)
}

func (a *arena) leaves(code core.Code) {
	a.Helper()
	d := coretest.Next(a.T, a.left)
	require.Equal(a, code.String(), core.CodeOf(d.Why).String(), "%v", d.Why)
}

// refuses wants a refusal with that code.
func (a *arena) refuses(p *coretest.Peer, code core.Code) {
	a.Helper()
	p.WantRefuse(code, "")
}
