package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/historytest"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/transport"
)

// A testCluster has what its nodes share, in memory.
type testCluster struct {
	broker *relaytest.Memory
	store  *historytest.Memory
}

func newTestCluster() *testCluster {
	return &testCluster{relaytest.NewMemory(nil), historytest.NewMemory(0)}
}

// A testNode is a server that is a node, with its ways to what the nodes share.
type testNode struct {
	*chatServer
	relay *relaytest.MemoryRelay
	store *historytest.MemoryStore
}

func (n *testNode) backbone(address string) *Backbone {
	return &Backbone{Relay: n.relay, Store: n.store, Address: address, Close: func() {}}
}

func (k *testCluster) connect() *testNode {
	return &testNode{relay: k.broker.Connect(), store: k.store.Connect()}
}

// start starts a node.
func (k *testCluster) start(t *testing.T, name string) *testNode {
	t.Helper()
	n := k.connect()
	p := Program{Open: func(_ context.Context, o NATS) (*Backbone, error) { return n.backbone(o.Address), nil }}
	n.chatServer = startServerOf(t, p, "-nats", "nats://in.memory", "-node", name)
	n.Sees("  this node       " + name)
	n.Sees("  another node    go run ./examples/chat -nats nats://in.memory")
	return n
}

func TestSeveralChatsAreOne(t *testing.T) {
	t.Parallel()
	k := newTestCluster()
	a, b := k.start(t, "alpha"), k.start(t, "beta")
	ada := a.joins(t, a.tcp, "ada")
	ada.Sees("* you are at node alpha")
	bob := b.joins(t, b.ws, "bob")
	bob.Sees("* you are at node beta")
	ada.Sees("* bob joined")
	require.Eventually(t, func() bool { // as soon as beta has heard of ada, who may have come before beta
		cleo := b.joins(t, b.tcp, "cleo")
		cleo.EOF()
		return cleo.Wait() == exitOK && strings.Contains(cleo.Out.String(), "ada")
	}, patience, 10*time.Millisecond)

	ada.Say("hello", "anybody there?")
	bob.Sees("ada: anybody there?")
	bob.Say("yes")
	ada.Sees("bob: yes")
	require.Equal(t, []string{"ada: hello", "ada: anybody there?"}, said(bob, "ada"))

	// A name is one for all.
	other := start(t, "-join", b.tcp, "-name", "ada")
	require.Equal(t, exitFail, other.Wait())
	require.Equal(t, "chat: somebody here is called \"ada\" already: choose another name\n", other.Err.String())

	// A newcomer is told what was said at both.
	dan := b.joins(t, b.tcp, "dan")
	dan.Sees("bob: yes")
	require.Equal(t, []string{"ada: hello", "ada: anybody there?"}, said(dan, "ada"))

	bob.EOF()
	require.Equal(t, exitOK, bob.Wait())
	ada.Sees("* bob left")

	// A node that goes takes its members with it.
	a.Stop()
	require.Equal(t, exitOK, a.Wait(), a.Err.String())
	dan.Sees("* ada left")
}

// said returns what somebody has said, as another one hears it.
func said(p *exampletest.Program, from string) (lines []string) {
	for _, l := range heard(p) {
		if strings.HasPrefix(l, from+": ") {
			lines = append(lines, l)
		}
	}
	return lines
}

func TestANodeThatIsCutOff(t *testing.T) {
	t.Parallel()
	k := newTestCluster()
	a, b := k.start(t, "alpha"), k.start(t, "beta")
	ada := a.joins(t, a.tcp, "ada")
	bob, cleo := b.joins(t, b.ws, "bob"), b.joins(t, b.tcp, "cleo")
	ada.Sees("* cleo joined")
	res, _ := ask(t, "GET", b.http+"/healthz", nil)
	require.Equal(t, 200, res.StatusCode)

	b.relay.Cut()
	b.store.Cut()
	bob.Sees("* beta is cut off from the other nodes: messages wait until it is back")
	res, _ = ask(t, "GET", b.http+"/healthz", nil)
	require.Equal(t, 503, res.StatusCode)
	bob.Say("still here")
	late := start(t, "-join", b.tcp, "-name", "late", "-once")
	require.Equal(t, exitFail, late.Wait())

	b.relay.Mend()
	b.store.Mend()
	bob.Sees("* beta is one with the other nodes again")
	ada.Sees("bob: still here") // it has waited
	cleo.Sees("bob: still here")
	ada.Say("welcome back")
	cleo.Sees("ada: welcome back")
	require.Eventually(t, func() bool {
		res, _ := ask(t, "GET", b.http+"/healthz", nil)
		return res.StatusCode == 200
	}, patience, 10*time.Millisecond)
}

// An observer that connects again has missed what happened meanwhile.
func TestAnObserverLooksAround(t *testing.T) {
	t.Parallel()
	k := newTestCluster()
	var observers []*observer
	var doors []*transport.PipeListener
	for range 2 {
		opts := roomOptions()
		joinCluster(&opts, k.connect().backbone(""), "")
		srv := newTestServer(&opts)
		o := made(newObserver(newRoom(srv), core.Silent))
		door := transport.NewPipeListener()
		observers, doors = append(observers, o), append(doors, door)
		served := make(chan error, 2)
		for _, l := range []transport.Listener{o.way, door} {
			go func() { served <- srv.Serve(context.Background(), l) }()
		}
		t.Cleanup(func() {
			require.NoError(t, o.client.Close())
			require.NoError(t, srv.Shutdown(context.Background()))
			require.NoError(t, <-served)
			require.NoError(t, <-served)
		})
		require.NoError(t, o.client.Connect(t.Context()))
		require.NoError(t, srv.Cluster().Join(t.Context()))
	}
	ids := make(chan core.ClientID, 1)
	var members []core.ClientID
	for _, name := range []string{"ada", "bob"} {
		c := newTestClient(doors[1], &core.ClientOptions{Name: name, Logger: core.Silent})
		core.On(c, "here", func(_ context.Context, _ *core.Conn, in roll) error {
			ids <- in.You
			return nil
		})
		require.NoError(t, c.Connect(t.Context()))
		defer c.Close()
		members = append(members, <-ids)
	}
	o := observers[0]
	require.Eventually(t, func() bool { return len(o.room.elsewhere()) == 2 }, patience, time.Millisecond)
	o.room.leftElsewhere(members[0])
	o.room.joinedElsewhere(core.ClientID{Node: 1, Conn: 1}, "a ghost")
	o.lookAround()
	require.ElementsMatch(t, members, o.room.elsewhere())
}

// Clients of the original hear of one another in a cluster as they do without one, and never of an observer.
func TestClientsOfTheOriginalInACluster(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*chatServer{"alone": startServer(t), "a node": newTestCluster().start(t, "alpha").chatServer} {
		t.Run(name, func(t *testing.T) {
			told := make(chan core.Presence, 4)
			join := func(name string, o core.ClientOptions) {
				o.Name, o.Logger, o.Retry.Off = name, core.Silent, true
				c := newTestClient(made(newDialer(s.tcp)), &o)
				if name == "python" {
					c.OnClientConnect(func(p core.Presence) { told <- p })
				}
				require.NoError(t, c.Connect(t.Context()))
				t.Cleanup(func() { c.Close() })
			}
			join("python", core.ClientOptions{Classic: &core.Classic{}})
			require.Eventually(t, func() bool {
				eve := start(t, "-join", s.tcp, "-name", "eve")
				eve.EOF()
				return eve.Wait() == exitOK && strings.Contains(eve.Out.String(), "python")
			}, patience, 10*time.Millisecond)
			join("bob", core.ClientOptions{})
			for {
				p := <-told
				if p.Name == "eve" {
					continue
				}
				require.Equal(t, "bob", p.Name)
				require.Equal(t, []string{group}, p.Groups)
				require.Contains(t, p.Addr, "127.0.0.1:")
				break
			}
		})
	}
}
