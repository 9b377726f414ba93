package natsrelay

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A hub is a server of hisock that is a node.
type hub struct {
	srv *core.Server
	lis *transport.PipeListener
}

// startHub starts a server, which ends with the test.
func startHub(t *testing.T, id string, r *Relay, prepare ...func(srv *core.Server)) *hub {
	t.Helper()
	o := &core.ServerOptions{Logger: core.Silent}
	o.Access.UniqueNames = true
	o.Access.Authorize = func(_ context.Context, a *core.Admission) error {
		a.User = string(a.Auth)
		return nil
	}
	o.Cluster = core.ClusterOptions{Relay: r, Node: id}
	srv, err := core.NewServer(o)
	require.NoError(t, err)
	for _, f := range prepare {
		f(srv)
	}
	h := &hub{srv: srv, lis: transport.NewPipeListener()}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), h.lis) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, srv.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return h
}

// A guest is a client of a hub, which notes what it hears.
type guest struct {
	*core.Client
	mu  sync.Mutex
	got map[string]int
}

// guest makes a client that is in the group g.
func (h *hub) guest(t *testing.T, name, user string) *guest {
	t.Helper()
	c, err := core.NewClient(h.lis, &core.ClientOptions{Name: name, Auth: []byte(user), Groups: []string{"g"}})
	require.NoError(t, err)
	g := &guest{Client: c, got: make(map[string]int)}
	c.OnBytes("say", func(_ context.Context, _ *core.Conn, payload []byte) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.got[string(payload)]++
		return nil
	})
	c.HandleBytes("greet", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
		return []byte(name + " greets " + string(payload)), nil
	})
	core.HandleUpload(c, "size", func(_ context.Context, _ *core.Conn, _ string, items iter.Seq2[[]byte, error]) (n int, err error) {
		for item, err := range items {
			if err != nil {
				return n, err
			}
			n += len(item)
		}
		return n, nil
	})
	t.Cleanup(func() { c.Close() })
	return g
}

func (g *guest) heard(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got[text] > 0
}

func TestServersOverNATS(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	port := portOf(broker)
	r := newRelay(t, Options{Servers: []string{broker.ClientURL()}})
	a, b := startHub(t, "a", r), startHub(t, "b", r)
	together := func() {
		t.Helper()
		until(t, "the nodes know each other", func() bool {
			return a.srv.Cluster().Err() == nil && b.srv.Cluster().Err() == nil &&
				len(a.srv.Cluster().Nodes()) == 1 && len(b.srv.Cluster().Nodes()) == 1
		})
	}
	together()
	var ada, bob *guest
	until(t, "names can be claimed", func() bool {
		ada = a.guest(t, "ada", "u1")
		return ada.Connect(waiting(t)) == nil
	})
	until(t, "names can be claimed", func() bool {
		bob = b.guest(t, "bob", "u2")
		return bob.Connect(waiting(t)) == nil
	})

	round := 0
	works := func(s *server.Server) {
		t.Helper()
		round++
		js, err := jetstream.New(connect(t, s.ClientURL()))
		require.NoError(t, err)
		until(t, "both names are claimed", func() bool {
			stream, err := js.Stream(waiting(t), "KV_hisock")
			if err != nil {
				return false
			}
			info, err := stream.Info(waiting(t), jetstream.WithSubjectFilter("$KV.hisock.claim.>"))
			return err == nil && len(info.State.Subjects) == 2
		})
		for what, send := range map[string]core.Sender{
			"group": a.srv.Group("g"), "all": b.srv.All(),
		} {
			text := what + strconv.Itoa(round)
			until(t, "all hear what is sent to "+what, func() bool { // what other nodes know of a group comes a way later
				require.NoError(t, send.SendBytes("say", []byte(text)))
				return ada.heard(text) && bob.heard(text)
			})
		}
		for name, h := range map[string]*hub{"Ada": b, "BOB": a} {
			until(t, "a name is refused at the other node", func() bool {
				err := h.guest(t, name, "u3").Connect(waiting(t))
				require.Error(t, err)
				return core.CodeOf(err) == core.CodeNameTaken
			})
		}
		until(t, "a client at the other node answers", func() bool {
			far, err := a.srv.Cluster().Client(waiting(t), "bob")
			if err != nil {
				return false
			}
			answer, err := a.srv.Cluster().Remote(far.ID).CallBytes(waiting(t), "greet", []byte("a"))
			return err == nil && string(answer) == "bob greets a"
		})
		until(t, "a user at the other node answers", func() bool {
			answer, err := b.srv.User("u1").CallBytes(waiting(t), "greet", []byte("b"))
			return err == nil && string(answer) == "ada greets b"
		})
	}
	works(broker)

	broker.Shutdown()
	broker.WaitForShutdown()
	until(t, "both are cut off", func() bool { return a.srv.Cluster().Err() != nil && b.srv.Cluster().Err() != nil })
	require.NoError(t, a.srv.All().SendBytes("say", []byte("alone")))
	until(t, "clients here hear it", func() bool { return ada.heard("alone") })
	anew := startServer(t, server.Options{Port: port})
	together()
	works(anew)
}

// A stream to a client at another node carries much more than NATS takes in a message, and so does a message that goes in parts.
func TestStreamsAndLargeMessagesOverNATS(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{broker.ClientURL()}, MaxPayload: core.MinRelayPart})
	a, b := startHub(t, "a", r), startHub(t, "b", r)
	until(t, "the nodes know each other", func() bool { return len(a.srv.Cluster().Nodes()) == 1 && len(b.srv.Cluster().Nodes()) == 1 })
	var bob *guest
	until(t, "names can be claimed", func() bool {
		bob = b.guest(t, "bob", "u")
		return bob.Connect(waiting(t)) == nil
	})
	far, err := a.srv.Cluster().Client(waiting(t), "bob")
	require.NoError(t, err)
	items := slices.Repeat([][]byte{make([]byte, 1000), make([]byte, 40_000)}, 200)
	n, err := core.Upload[int](waiting(t), far, "size", "", slices.Values(items))
	require.NoError(t, err)
	require.Equal(t, 200*41_000, n)
	large := strings.Repeat("x", 40_000)
	until(t, "a large message comes", func() bool {
		require.NoError(t, a.srv.Group("g").SendBytes("say", []byte(large)))
		return bob.heard(large)
	})
	require.Zero(t, b.srv.Stats().Relay.Lost+b.srv.Stats().Relay.Refused+a.srv.Stats().Relay.Unsent)
}
