package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// lateAfter is the time on the way from which on a message is late.
const lateAfter = 250 * time.Millisecond

// A Witness is a client that notes what comes from each node.
type Witness struct {
	*core.Client
	name  string
	round int // messages of others are not noted

	mu     sync.Mutex        // guards the fields below
	trails map[string]*trail // by the label of the node that sends
	faults []string
	joins  int // how often the client has joined anew, the first time included
}

// A trail is what has come from one node in a round.
type trail struct {
	first, last uint64        // numbers
	got         uint64        // messages
	late        uint64        // messages that were late
	worst       time.Duration // the longest time on the way
	heard       time.Time     // when the last one has come
}

// newWitness connects a client that notes the messages of a round.
func newWitness(t testing.TB, name string, round int, d transport.Dialer) *Witness {
	t.Helper()
	c, err := core.NewClient(d, &core.ClientOptions{
		Name: name, Groups: []string{group}, Logger: core.Silent, Retry: core.Retry{First: true, Max: time.Second},
	})
	require.NoError(t, err)
	w := &Witness{Client: c, name: name, round: round, trails: make(map[string]*trail)}
	c.OnBytes(tick, func(_ context.Context, _ *core.Conn, payload []byte) error {
		w.note(payload)
		return nil
	})
	c.OnState(func(s core.State, _ error) {
		if s == core.StateConnected {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.joins++
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	require.NoError(t, c.Connect(ctx), name)
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // the test is over
	return w
}

func (w *Witness) note(payload []byte) {
	now := time.Now()
	m, err := parseMessage(payload)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.faults = append(w.faults, "a message that no node has sent: "+string(payload[:min(len(payload), 80)]))
		return
	}
	if m.round != w.round {
		return
	}
	tr := w.trails[m.from]
	if tr == nil {
		tr = &trail{first: m.number}
		w.trails[m.from] = tr
	}
	if m.number <= tr.last {
		w.faults = append(w.faults, "a message twice or too late: "+string(payload))
	}
	tr.last, tr.heard = m.number, now
	tr.got++
	way := now.Sub(m.at)
	if way > lateAfter {
		tr.late++
	}
	tr.worst = max(tr.worst, way)
}

// talk sends numbered messages to the node, which sends them to the group, until ctx ends. It returns how many it has sent.
func (w *Witness) talk(ctx context.Context) (sent uint64, err error) {
	t := time.NewTicker(every)
	defer t.Stop()
	for ctx.Err() == nil {
		m := message{from: w.name, round: w.round, number: sent + 1, at: time.Now()}
		if err := w.SendBytes(talk, m.bytes(), core.Wait(context.Background())); err != nil {
			return sent, err
		}
		sent++
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return sent, nil
}

// end returns what has come from each node, and what should not have come.
func (w *Witness) end() (trails map[string]trail, faults []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	trails = make(map[string]trail)
	for id, tr := range w.trails {
		trails[id] = *tr
	}
	return trails, w.faults
}

// trail returns what has come from a node.
func (w *Witness) trail(node string) (tr trail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.trails[node]; t != nil {
		tr = *t
	}
	return tr
}

// joined returns how often the client has joined anew, the first time included.
func (w *Witness) joined() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.joins
}

// where returns the id of the node that the client is at, or "" if it is at none.
func (w *Witness) where() string {
	ctx, cancel := context.WithTimeout(context.Background(), asking)
	defer cancel()
	id, err := w.CallBytes(ctx, whereCall, nil)
	if err != nil {
		return ""
	}
	return string(id)
}

// Two balancers, for the two media.
type door struct{ tcp, ws *Balancer }

func (d door) set(nodes []*Node) {
	var plain, sockets []string
	for _, n := range nodes {
		plain, sockets = append(plain, n.Addrs.TCP), append(sockets, n.Addrs.WS)
	}
	d.tcp.Set(plain...)
	d.ws.Set(sockets...)
}

func (d door) dialer(overWS bool) transport.Dialer {
	if overWS {
		return ws.Dialer("ws://"+d.ws.Addr()+"/ws", nil)
	}
	return tcp.Dialer(d.tcp.Addr(), nil)
}
