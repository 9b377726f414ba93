package natsrelay

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The leases of nodes in tests that wait for their ends, and in tests that do not. A busy machine may keep a node from answering a ping, in a
// quarter of a lease.
const (
	shortLease = 8 * time.Second
	longLease  = 60 * time.Second
)

// startServer starts a nats-server in this process, which ends with the test.
func startServer(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host = "127.0.0.1"
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.NoLog, o.NoSigs = true, true
	o.JetStream = true
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(&o)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(30*time.Second))
	return s
}

// portOf returns the port of a server that runs. Another test cannot take it before the server has it, as it can take a freePort.
func portOf(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

// newRelay makes a relay over some servers.
func newRelay(t *testing.T, o Options) *Relay {
	t.Helper()
	if o.Lease == 0 {
		o.Lease = longLease
	}
	r, err := New(o)
	require.NoError(t, err)
	return r
}

// A path is a proxy before NATS that can be cut, so that neither end is told.
type path struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	cut   chan struct{} // closed while bytes pass
	conns []net.Conn
	ended bool
}

func startPath(t *testing.T, target string) *path {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &path{ln: ln, target: target, cut: make(chan struct{})}
	close(p.cut)
	go p.accept()
	t.Cleanup(func() {
		p.mend()
		p.end()
	})
	return p
}

func (p *path) url() string { return "nats://" + p.ln.Addr().String() }

func (p *path) accept() {
	for {
		from, err := p.ln.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			from.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, from, to)
		if p.ended {
			from.Close()
			to.Close()
		}
		p.mu.Unlock()
		go p.pass(from, to)
		go p.pass(to, from)
	}
}

// pass copies bytes while the path is not cut.
func (p *path) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		cut := p.cut
		p.mu.Unlock()
		<-cut
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *path) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = make(chan struct{})
}

// mend lets bytes pass again, on new connections: the old ones break.
func (p *path) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
	select {
	case <-p.cut:
	default:
		close(p.cut)
	}
}

// end closes the path for good, without a word to either end but the closed connection.
func (p *path) end() {
	p.ln.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, c := range p.conns {
		c.Close()
	}
}

// connect returns a connection of somebody who is no node.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}
