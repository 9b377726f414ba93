package relaytest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Patience bounds every wait of the suite. A working relay takes much less time.
const Patience = 30 * time.Second

// A Suite says how the cases of [Run] get their relays.
type Suite struct {
	// New makes a relay without nodes, for one case. What it starts ends with the test.
	New func(t *testing.T) *Net

	// In runs a case, for instance in a bubble of synctest. Nil runs it as it is.
	In func(t *testing.T, run func(t *testing.T))
}

// A Net is a relay for one case.
type Net struct {
	// Connect returns a way of its own to the relay, for one node.
	Connect func() *Way

	// Inject publishes bytes as somebody does who is no node. Nil leaves that case out.
	Inject func(topic string, payload []byte)

	// Stranger is Connect for another cluster that uses the same broker. Nil leaves that case out.
	Stranger func() *Way
}

// A Way is the way of one node to its relay, with its faults. A fault that is nil leaves the cases out that need it.
type Way struct {
	core.Relay
	Cut  func() // cuts the node off, so that neither end is told
	Mend func() // ends Cut
	Kill func() // ends the node without a word, as kill -9 does
}

type relayCase struct {
	name string
	run  func(s *scene)
}

// Run checks that a relay keeps the promises of [core.Relay].
func Run(t *testing.T, s Suite) {
	for _, cases := range [][]relayCase{messageCases, claimCases, faultCases} {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				in := s.In
				if in == nil {
					in = func(t *testing.T, run func(t *testing.T)) { run(t) }
				}
				in(t, func(t *testing.T) {
					sc := &scene{t: t, net: s.New(t)}
					defer sc.end()
					tc.run(sc)
				})
			})
		}
	}
}

// A scene is one case under way.
type scene struct {
	t     *testing.T
	net   *Net
	nodes []*witness // all that have joined
	marks int        // messages of reach
}

// end closes all nodes.
func (s *scene) end() {
	for _, w := range s.nodes {
		w.release()
		ctx, cancel := patient()
		w.node.Close(ctx) //nolint:errcheck // it may have been killed
		cancel()
	}
}

// join makes n nodes that are up.
func (s *scene) join(n int) []*witness {
	made := make([]*witness, n)
	for i := range made {
		made[i] = s.joinBy(s.net.Connect())
	}
	return made
}

func (s *scene) joinBy(way *Way) *witness {
	w := &witness{t: s.t, way: way, name: "node-" + strconv.Itoa(len(s.nodes)) + "_X"}
	ctx, cancel := patient()
	defer cancel()
	var err error
	w.node, err = way.Join(ctx, w.name, w)
	require.NoError(s.t, err)
	s.nodes = append(s.nodes, w)
	w.until("the node is up", func() bool { return w.read(&w.ups) > 0 })
	return w
}

// settle subscribes each node to a topic, and waits until the others reach it there. So all earlier subscriptions are in effect.
func (s *scene) settle(nodes ...*witness) {
	for _, w := range nodes {
		w.subscribe(w.name)
	}
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				s.reach(from, to, to.name)
			}
		}
	}
}

// reach publishes a new message on a topic, again and again, until it has arrived.
func (s *scene) reach(from, to *witness, topic string) {
	s.marks++
	mark := []byte("mark " + strconv.Itoa(s.marks))
	to.until("a message arrives on "+topic, func() bool {
		from.node.Publish([]core.RelayMessage{{Topic: topic, Payload: mark}}) //nolint:errcheck // it is tried again
		return to.has(topic, mark)
	})
}

func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}
