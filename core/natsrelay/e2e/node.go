package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/natsrelay"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/ws"
)

// group is the group of all witnesses.
const group = "g"

// tick is the command of what is sent to the group, talk the command of a client that wants a node to send something to the group, and
// whereCall the call that a client asks its node's id with.
const (
	tick      = "tick"
	talk      = "talk"
	whereCall = "where"
)

// A NodeConfig is what a node is made from.
type NodeConfig struct {
	ID       string
	Label    string   // what its messages begin with; empty means ID
	Servers  []string // of NATS: no other ones are used
	Replicas int
	Prefix   string
	Lease    time.Duration
	Beat     time.Duration
	Keeps    int // messages of each group, in a store of history; 0 means that there is none
}

// NodeAddrs are the addresses that a node listens at.
type NodeAddrs struct{ TCP, WS string }

// A NodeState is what a node knows.
type NodeState struct {
	Err     string // of the cluster; empty if the relay can be reached
	Nodes   []string
	Clients int    // of this node
	Members int    // of the group, at all nodes
	Missing string // why Members is not all; empty if it is
	Stats   core.RelayStats
	Downs   int            // how often the relay could not be reached any more
	Faults  map[string]int // lines of the log of warnings and errors, by message
	Memory  uint64         // of the heap, in bytes
}

// nodePart is a server of hisock in a process of its own.
type nodePart struct {
	srv   *core.Server
	label string
	http  *http.Server

	ticking sync.WaitGroup
	quiet   context.CancelFunc // ends the ticks; nil if there are none
	ticks   uint64             // how many there were; read after ticking

	mu     sync.Mutex // guards the fields below
	downs  int
	faults map[string]int
}

func newNodePart(with json.RawMessage) (part, any, error) {
	c, err := given[NodeConfig](with)
	if err != nil {
		return nil, nil, err
	}
	r, err := natsrelay.New(natsrelay.Options{
		Servers: c.Servers, Prefix: c.Prefix, Lease: c.Lease, Replicas: c.Replicas,
		NATS: []nats.Option{nats.DontRandomize(), nats.IgnoreDiscoveredServers()},
	})
	if err != nil {
		return nil, nil, err
	}
	n := &nodePart{label: cmp.Or(c.Label, c.ID), faults: make(map[string]int)}
	o := &core.ServerOptions{Logger: (*nodeLog)(n)}
	o.Access.UniqueNames = true
	o.Limits.MaxGroups = churnWindow + 8
	o.Cluster = core.ClusterOptions{Relay: r, Node: c.ID, Beat: c.Beat}
	if c.Keeps > 0 {
		store, err := natsrelay.NewHistory(natsrelay.HistoryOptions{
			Servers: c.Servers, Prefix: c.Prefix, Replicas: c.Replicas, MaxBytes: 64 << 20, NATS: []nats.Option{nats.DontRandomize(), nats.IgnoreDiscoveredServers()},
		})
		if err != nil {
			return nil, nil, err
		}
		o.History = core.History{Messages: c.Keeps, Bytes: 4 << 20, Replay: true, Store: store}
		o.Limits.QueueBytes = 16 << 20
	}
	if n.srv, err = core.NewServer(o); err != nil {
		return nil, nil, err
	}
	n.srv.OnRelay(func(why error) {
		if why != nil {
			n.mu.Lock()
			n.downs++
			n.mu.Unlock()
		}
	})
	n.srv.HandleBytes(whereCall, func(context.Context, *core.Conn, []byte) ([]byte, error) { return []byte(c.ID), nil })
	n.srv.OnBytes(talk, func(_ context.Context, _ *core.Conn, payload []byte) error {
		return n.srv.Group(group).SendBytes(tick, payload)
	})
	addrs, err := n.listen()
	return n, addrs, err
}

// listen has the node serve clients over TCP and over WebSocket.
func (n *nodePart) listen() (a NodeAddrs, err error) {
	plain, err := tcp.Listen("127.0.0.1:0", nil)
	if err != nil {
		return a, err
	}
	sockets, err := ws.NewListener(nil)
	if err != nil {
		return a, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return a, err
	}
	n.http = &http.Server{Handler: sockets, ReadHeaderTimeout: Patience}
	go n.http.Serve(ln)                           //nolint:errcheck // until the process ends
	go n.srv.Serve(context.Background(), plain)   //nolint:errcheck // until Shutdown
	go n.srv.Serve(context.Background(), sockets) //nolint:errcheck // until Shutdown
	return NodeAddrs{TCP: plain.Addr(), WS: ln.Addr().String()}, nil
}

// do does what a Node asks for.
func (n *nodePart) do(what string, with json.RawMessage) (any, error) {
	switch what {
	case "state":
		return n.state(), nil
	case "find":
		return n.find(with)
	case "begin":
		return nil, n.begin(with)
	case "end":
		return n.end(), nil
	case "churn":
		return nil, n.churn(with)
	case "stop":
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		return nil, errors.Join(n.srv.Shutdown(ctx), n.http.Shutdown(ctx))
	}
	return nil, errors.New("unknown")
}

// asking bounds how long a node waits for other nodes.
const asking = 2 * time.Second

func (n *nodePart) state() (s NodeState) {
	ctx, cancel := context.WithTimeout(context.Background(), asking)
	defer cancel()
	if err := n.srv.Cluster().Err(); err != nil {
		s.Err = err.Error()
	}
	for _, other := range n.srv.Cluster().Nodes() {
		s.Nodes = append(s.Nodes, other.ID)
	}
	var err error
	if s.Members, err = n.srv.Cluster().LenIn(ctx, group); err != nil {
		s.Missing = err.Error()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Clients, s.Stats, s.Memory = n.srv.Len(), n.srv.Stats().Relay, m.HeapInuse
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Downs, s.Faults = n.downs, make(map[string]int)
	for line, times := range n.faults {
		s.Faults[line] = times
	}
	return s
}

// find looks for clients by their names, and returns why one was not found.
func (n *nodePart) find(with json.RawMessage) (why string, err error) {
	names, err := given[[]string](with)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), asking)
	defer cancel()
	for _, name := range names {
		if _, err := n.srv.Cluster().Client(ctx, name); err != nil {
			return name + ": " + err.Error(), nil
		}
	}
	return "", nil
}

// A Pace says how often a node sends to the group.
type Pace struct {
	Round int
	Every time.Duration
}

// begin has the node send to the group, in numbered messages.
func (n *nodePart) begin(with json.RawMessage) error {
	pace, err := given[Pace](with)
	if err != nil {
		return err
	}
	n.end()
	var ctx context.Context
	ctx, n.quiet = context.WithCancel(context.Background())
	n.ticking.Go(func() {
		n.ticks = 0
		t := time.NewTicker(pace.Every)
		defer t.Stop()
		for ctx.Err() == nil {
			n.ticks++
			m := message{from: n.label, round: pace.Round, number: n.ticks, at: time.Now()}
			n.srv.Group(group).SendBytes(tick, m.bytes()) //nolint:errcheck // there may be no member
			select {
			case <-t.C:
			case <-ctx.Done():
			}
		}
	})
	return nil
}

// end ends what begin has begun, and returns the number of the last message.
func (n *nodePart) end() uint64 {
	if n.quiet == nil {
		return 0
	}
	n.quiet()
	n.ticking.Wait()
	n.quiet = nil
	return n.ticks
}

// churnWindow is how many groups the client is in at one time.
const churnWindow = 64

// churn has one client of this node join and leave groups of its own.
func (n *nodePart) churn(with json.RawMessage) error {
	groups, err := given[int](with)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	for c := range n.srv.Clients() {
		for i := range groups + churnWindow {
			if i >= churnWindow {
				if err := c.Leave(ctx, "churn-"+n.label+"-"+strconv.Itoa(i-churnWindow)); err != nil {
					return err
				}
			}
			if i < groups {
				if err := c.Join(ctx, "churn-"+n.label+"-"+strconv.Itoa(i)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return errors.New("the node has no client")
}

// nodeLog counts what a node logs. Warnings and errors are what tests look at.
type nodeLog nodePart

func (l *nodeLog) Debug(string, ...any)       {}
func (l *nodeLog) Info(string, ...any)        {}
func (l *nodeLog) Warn(msg string, _ ...any)  { l.note(msg) }
func (l *nodeLog) Error(msg string, _ ...any) { l.note(msg) }

func (l *nodeLog) note(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults[msg]++
}

// A message is what a node sends to the group.
type message struct {
	from   string
	round  int
	number uint64
	at     time.Time
}

func (m message) bytes() []byte {
	return fmt.Appendf(nil, "%s %d %d %d", m.from, m.round, m.number, m.at.UnixNano())
}

func parseMessage(b []byte) (m message, err error) {
	var at int64
	_, err = fmt.Sscanf(string(b), "%s %d %d %d", &m.from, &m.round, &m.number, &at)
	m.at = time.Unix(0, at)
	return m, err
}

// A Node is a server of hisock in a process of its own.
type Node struct {
	*Process
	ID     string
	Addrs  NodeAddrs
	config NodeConfig
}

// label is what the node's messages begin with.
func (n *Node) label() string { return cmp.Or(n.config.Label, n.ID) }

// StartNode starts a node, which ends with the test.
func StartNode(t testing.TB, c NodeConfig) *Node {
	t.Helper()
	n := &Node{ID: c.ID, config: c}
	n.Process = start(t, "node", c, &n.Addrs)
	return n
}

// State returns what the node knows. It waits for the other nodes.
func (n *Node) State() (s NodeState) {
	n.t.Helper()
	require.NoError(n.t, n.Ask("state", nil, &s))
	return s
}

// Finds reports whether the node finds clients of all these names, and otherwise why not.
func (n *Node) Finds(names []string) (why string) {
	n.t.Helper()
	require.NoError(n.t, n.Ask("find", names, &why))
	return why
}

// Begin has the node send to the group, End ends that and returns how many messages there were.
func (n *Node) Begin(p Pace) {
	n.t.Helper()
	require.NoError(n.t, n.Ask("begin", p, nil))
}

// End is described at Begin.
func (n *Node) End() (sent uint64) {
	n.t.Helper()
	require.NoError(n.t, n.Ask("end", nil, &sent))
	return sent
}

// Churn has one client of the node join and leave that many groups.
func (n *Node) Churn(groups int) {
	n.t.Helper()
	require.NoError(n.t, n.Ask("churn", groups, nil))
}

// Stop shuts the node down in order, and ends its process.
func (n *Node) Stop() {
	n.t.Helper()
	require.NoError(n.t, n.Ask("stop", nil, nil))
	n.Kill()
}
