package e2e

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// A BrokerConfig is what a nats-server is made from.
type BrokerConfig struct {
	Name   string
	Port   int    // of clients
	Route  int    // the port of the other servers; 0 if the server is alone
	Routes string // of all servers, with commas between them
	Dir    string
}

// brokerPart is a nats-server in a process of its own.
type brokerPart struct{ srv *server.Server }

// startTime bounds how long a nats-server may take to start.
const startTime = 30 * time.Second

func newBrokerPart(with json.RawMessage) (part, any, error) {
	c, err := given[BrokerConfig](with)
	if err != nil {
		return nil, nil, err
	}
	o := &server.Options{
		ServerName: c.Name, Host: "127.0.0.1", Port: c.Port, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: c.Dir, JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 256 << 20,
	}
	if c.Route != 0 {
		o.Cluster = server.ClusterOpts{Name: "e2e", Host: "127.0.0.1", Port: c.Route}
		o.Routes = server.RoutesFromStr(c.Routes)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, nil, err
	}
	s.Start()
	if !s.ReadyForConnections(startTime) {
		return nil, nil, errors.New("the nats-server does not start")
	}
	return &brokerPart{s}, nil, nil
}

// A BrokerState is what a nats-server says of itself.
type BrokerState struct {
	Leads         bool // the cluster's JetStream
	Current       bool // the server has all that the leader has
	Subscriptions uint32
}

func (p *brokerPart) do(what string, _ json.RawMessage) (any, error) {
	if what != "state" {
		return nil, errors.New("unknown")
	}
	return BrokerState{p.srv.JetStreamIsLeader(), p.srv.JetStreamIsCurrent(), p.srv.NumSubscriptions()}, nil
}

// Brokers are nats-servers in processes of their own, which make one cluster.
type Brokers struct {
	t       testing.TB
	configs []BrokerConfig
	running []*Process // nil where one was killed
}

// StartBrokers starts n nats-servers. They end with the test.
func StartBrokers(t testing.TB, n int) *Brokers {
	t.Helper()
	b := &Brokers{t: t, running: make([]*Process, n)}
	var routes []string
	for i := range n {
		c := BrokerConfig{Name: "s" + strconv.Itoa(i), Port: freePort(t), Dir: t.TempDir()}
		if n > 1 {
			c.Route = freePort(t)
			routes = append(routes, "nats://127.0.0.1:"+strconv.Itoa(c.Route))
		}
		b.configs = append(b.configs, c)
	}
	for i := range n {
		b.configs[i].Routes = strings.Join(routes, ",")
		b.Start(i)
	}
	b.Wait()
	return b
}

// Addr returns the address of a server, and URL its URL.
func (b *Brokers) Addr(i int) string { return "127.0.0.1:" + strconv.Itoa(b.configs[i].Port) }

// URL is described at Addr.
func (b *Brokers) URL(i int) string { return "nats://" + b.Addr(i) }

// URLs returns the URLs of all servers, that of server first being the first one.
func (b *Brokers) URLs(first int) (urls []string) {
	for i := range b.configs {
		urls = append(urls, b.URL((first+i)%len(b.configs)))
	}
	return urls
}

// Start starts a server that is not there, with what it had on its disk.
func (b *Brokers) Start(i int) {
	b.t.Helper()
	b.running[i] = start(b.t, "broker", b.configs[i], nil)
}

// Kill kills a server.
func (b *Brokers) Kill(i int) {
	b.running[i].Kill()
	b.running[i] = nil
}

// Leader returns the server that leads JetStream, or -1.
func (b *Brokers) Leader() int {
	for i := range b.running {
		if s, ok := b.State(i); ok && s.Leads {
			return i
		}
	}
	return -1
}

// State returns what a server says of itself; ok is false if it is not there.
func (b *Brokers) State(i int) (s BrokerState, ok bool) {
	if b.running[i] == nil {
		return s, false
	}
	require.NoError(b.t, b.running[i].Ask("state", nil, &s))
	return s, true
}

// Wait waits until JetStream can be used.
func (b *Brokers) Wait() {
	b.t.Helper()
	if len(b.configs) > 1 {
		Until(b.t, "JetStream has a leader", func() bool { return b.Leader() >= 0 })
	}
}

// freePort returns a port that is free at this moment. It is below the ports that systems give to others that ask for any.
func freePort(t testing.TB) int {
	const first, ports = 10_000, 20_000
	for range 1000 {
		port := first + rand.IntN(ports)
		if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			require.NoError(t, ln.Close())
			return port
		}
	}
	require.FailNow(t, "no port is free")
	return 0
}

// Patience is how long a test waits for what must come.
const Patience = time.Minute

// Until waits until something is so.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !is(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s: not in time", what)
	}
}
