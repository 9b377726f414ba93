package e2e

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A relayer accepts connections, and passes their bytes on.
type relayer struct {
	ln    net.Listener
	dial  func() (net.Conn, error)
	serve func(to, from net.Conn) // passes bytes until either end closes

	mu    sync.Mutex // guards the fields below
	conns map[net.Conn]struct{}
	ended bool
	wait  sync.WaitGroup
}

func (r *relayer) listen(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.ln, r.conns = ln, make(map[net.Conn]struct{})
	r.wait.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			r.wait.Go(func() { r.pair(from) })
		}
	})
}

// Addr returns the address of the proxy.
func (r *relayer) Addr() string { return r.ln.Addr().String() }

func (r *relayer) pair(from net.Conn) {
	to, err := r.dial()
	if err != nil {
		from.Close()
		return
	}
	if !r.add(from, to) {
		return
	}
	r.wait.Go(func() { r.serve(from, to) })
	r.serve(to, from)
}

func (r *relayer) add(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.ended {
			c.Close()
			continue
		}
		r.conns[c] = struct{}{}
	}
	return !r.ended
}

func (r *relayer) closed(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(r.conns, c)
	}
}

// drop closes all connections.
func (r *relayer) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

func (r *relayer) end() {
	r.ln.Close()
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.drop()
	r.wait.Wait()
}

// A Balancer gives each connection to the next backend that accepts it.
type Balancer struct {
	relayer
	backends []string // guarded by mu
	next     int      // guarded by mu
}

// StartBalancer starts a balancer without backends, which ends with the test.
func StartBalancer(t testing.TB) *Balancer {
	t.Helper()
	b := &Balancer{}
	b.dial = b.dialNext
	b.serve = func(to, from net.Conn) {
		defer b.closed(to, from)
		io.Copy(to, from) //nolint:errcheck // either end is gone
	}
	b.listen(t)
	t.Cleanup(b.end)
	return b
}

// Set sets the backends. The first connection goes to the first one.
func (b *Balancer) Set(backends ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends, b.next = backends, 0
}

func (b *Balancer) dialNext() (c net.Conn, err error) {
	b.mu.Lock()
	backends := b.backends
	first := b.next
	b.next++
	b.mu.Unlock()
	err = net.ErrClosed
	for i := range backends {
		if c, err = net.Dial("tcp", backends[(first+i)%len(backends)]); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// A Path is a proxy that can stop passing bytes, so that neither end is told.
type Path struct {
	relayer
	open chan struct{} // closed while bytes pass; guarded by mu
}

// StartPath starts a path to an address, which ends with the test.
func StartPath(t testing.TB, target string) *Path {
	t.Helper()
	p := &Path{open: make(chan struct{})}
	close(p.open)
	p.dial = func() (net.Conn, error) { return net.Dial("tcp", target) }
	p.serve = p.pass
	p.listen(t)
	t.Cleanup(func() {
		p.Mend()
		p.end()
	})
	return p
}

func (p *Path) pass(to, from net.Conn) {
	defer p.closed(to, from)
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		<-open
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

// Stop stops all bytes.
func (p *Path) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// Mend lets bytes pass again, on new connections: the old ones break.
func (p *Path) Mend() {
	p.drop()
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}
