package measure

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/natsrelay"
	"github.com/hisock/hisock/tcp"
)

// A Worker is what a process of a scene does when it is asked. Its exported methods are called over net/rpc, one at a time.
type Worker struct {
	brokers []*server.Server
	srv     *core.Server
	clients []*core.Client
	sinks   []*nats.Conn
	bare    core.RelayNode
	topics  *relay.Queue // what the server of a bare node would remember
	list    []byte
	lap     uint32 // of a feint
	got     atomic.Int64
}

// patience bounds each step of a scene.
const patience = 20 * time.Second

// Serve makes this process a worker until its standard input ends.
func Serve() error {
	s := rpc.NewServer()
	if err := s.Register(new(Worker)); err != nil {
		return err
	}
	s.ServeConn(stdio{os.Stdin, os.Stdout})
	return nil
}

type stdio struct {
	io.Reader
	io.WriteCloser
}

// Brokers starts that many nats-servers, one cluster, and returns their addresses. It tries again if another program was quicker to take a port.
func (w *Worker) Brokers(n int, urls *[]string) (err error) {
	for range 3 {
		if err = w.startBrokers(n, urls); err == nil {
			return nil
		}
		for _, s := range w.brokers {
			s.Shutdown()
		}
		w.brokers, *urls = nil, nil
	}
	return err
}

func (w *Worker) startBrokers(n int, urls *[]string) error {
	routes := make([]*url.URL, n)
	for i := range routes { // each has to know all routes before it starts, since JetStream wants a majority
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		routes[i] = &url.URL{Scheme: "nats", Host: l.Addr().String()}
		l.Close()
	}
	for i := range n {
		dir, err := os.MkdirTemp("", "nats-*")
		if err != nil {
			return err
		}
		o := &server.Options{
			ServerName: "s" + strconv.Itoa(i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: dir,
		}
		if n > 1 {
			port, err := strconv.Atoi(routes[i].Port())
			if err != nil {
				return err
			}
			o.Cluster = server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port}
			o.Routes = routes
		}
		s, err := server.NewServer(o)
		if err != nil {
			return err
		}
		s.Start()
		w.brokers = append(w.brokers, s)
	}
	for _, s := range w.brokers {
		if !s.ReadyForConnections(patience / 2) {
			return errors.New("the nats-server does not start")
		}
		*urls = append(*urls, s.ClientURL())
	}
	if n == 1 {
		return nil
	}
	return wait("the nats-servers are one", func() bool {
		leads := false
		for _, s := range w.brokers {
			leads = leads || s.JetStreamIsLeader()
			if s.NumRoutes() < n-1 {
				return false
			}
		}
		return leads
	})
}

// A NodeSpec describes a node.
type NodeSpec struct {
	URL, ID string // an empty URL means a server that is alone
	Notices bool
	Unique  bool
}

// Node starts a server, and returns its address. A client's command "to" makes it send the payload to the group, or to the client, that is
// named before the first zero byte.
func (w *Worker) Node(n NodeSpec, addr *string) error {
	o := &core.ServerOptions{Logger: core.Silent}
	o.Limits.MaxConns, o.Limits.MaxConnsPerAddr = 1<<17, -1
	o.Access.UniqueNames = n.Unique
	if n.URL != "" {
		r, err := natsrelay.New(natsrelay.Options{Servers: []string{n.URL}, Lease: 60 * time.Second})
		if err != nil {
			return err
		}
		o.Cluster = core.ClusterOptions{Relay: r, Node: n.ID}
		if n.Notices {
			o.Access.Notices = core.TellNobody
			o.Cluster.Notices = func(*core.Conn, *core.Remote, *core.Presence) bool { return false }
		}
	}
	srv, err := core.NewServer(o)
	if err != nil {
		return err
	}
	srv.OnBytes("to", func(_ context.Context, _ *core.Conn, payload []byte) error { return send(srv, payload) })
	srv.OnBytes("nothing", func(context.Context, *core.Conn, []byte) error { return nil })
	l, err := tcp.Listen("127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	go srv.Serve(context.Background(), l) //nolint:errcheck // the process ends
	w.srv, *addr = srv, l.Addr()
	if n.URL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return srv.Cluster().Join(ctx)
}

// Met waits until the node knows that many others.
func (w *Worker) Met(others int, _ *bool) error {
	return wait("the nodes know each other", func() bool { return len(w.srv.Cluster().Nodes()) >= others })
}

// Relayed returns the counters of the node.
func (w *Worker) Relayed(_ bool, s *core.RelayStats) error {
	*s = w.srv.Stats().Relay
	return nil
}

func wait(what string, done func() bool) error {
	for begun := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > patience {
			return errors.New(what + ": it takes too long")
		}
	}
	return nil
}
