package natsrelay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A turnstile dials the hubs in turn, and passes over those that do not listen.
type turnstile struct {
	mu   sync.Mutex
	hubs []*hub
	next int
}

func (b *turnstile) Dial(ctx context.Context) (conn transport.Conn, err error) {
	b.mu.Lock()
	hubs := append([]*hub(nil), b.hubs...)
	b.next++
	at := b.next
	b.mu.Unlock()
	for i := range hubs {
		if conn, err = hubs[(at+i)%len(hubs)].lis.Dial(ctx); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// A counted checks that numbered messages of each sender come once and in order.
type counted struct {
	mu   sync.Mutex
	last map[string]int
	bad  []string
}

func (c *counted) note(p []byte) {
	from, n, _ := strings.Cut(string(p), " ")
	number, _ := strconv.Atoi(n)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = make(map[string]int)
	}
	if number != c.last[from]+1 && len(c.bad) < 20 {
		c.bad = append(c.bad, fmt.Sprintf("%s: %d after %d", from, number, c.last[from]))
	}
	c.last[from] = number
}

func (c *counted) at(from string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[from]
}

// Three servers over NATS are restarted one after the other while they send and are sent to. Nothing is lost, comes twice or in another order.
func TestRollingRestartOverNATS(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{broker.ClientURL()}})
	b := &turnstile{}
	const many = 4
	var heard, got [many]counted
	hears := func(srv *core.Server) {
		srv.OnBytes("tell", func(_ context.Context, c *core.Conn, p []byte) error {
			i, _ := strconv.Atoi(c.Name()[1:])
			heard[i].note(p)
			return nil
		})
	}
	start := func(i, lap int) *hub {
		return startHub(t, strconv.Itoa(i)+"."+strconv.Itoa(lap), r, hears)
	}
	together := func() {
		t.Helper()
		until(t, "the nodes know each other", func() bool {
			for _, h := range b.hubs {
				if h.srv.Cluster().Err() != nil || len(h.srv.Cluster().Nodes()) != 2 {
					return false
				}
			}
			return true
		})
	}
	for i := range 3 {
		b.hubs = append(b.hubs, start(i, 0))
	}
	together()
	var clients [many]*core.Client
	for i := range clients {
		c, err := core.NewClient(b, &core.ClientOptions{Name: "c" + strconv.Itoa(i), Auth: []byte("u" + strconv.Itoa(i)), Groups: []string{"g"}})
		require.NoError(t, err)
		c.OnBytes("n", func(_ context.Context, _ *core.Conn, p []byte) error {
			got[i].note(p)
			return nil
		})
		until(t, "names can be claimed", func() bool { return c.Connect(waiting(t)) == nil })
		t.Cleanup(func() { c.Close() })
		clients[i] = c
	}

	var mu sync.Mutex
	sent := make(map[string]int)
	run := func(stop chan struct{}, all *sync.WaitGroup, name string, send func(p []byte) error) {
		all.Go(func() {
			for n := 1; ; {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if send(fmt.Appendf(nil, "%s %d", name, n)) == nil {
					mu.Lock()
					sent[name] = n
					mu.Unlock()
					n++
				}
			}
		})
	}
	stops := make([]chan struct{}, 3)
	loads := make([]sync.WaitGroup, 3)
	drive := func(i, lap int) {
		stops[i] = make(chan struct{})
		h, at := b.hubs[i], "@"+strconv.Itoa(i)+"."+strconv.Itoa(lap)
		run(stops[i], &loads[i], "group"+at, func(p []byte) error { return h.srv.Group("g").SendBytes("n", p) })
		run(stops[i], &loads[i], "all"+at, func(p []byte) error { return h.srv.All().SendBytes("n", p) })
	}
	halt := func(i int) {
		close(stops[i])
		loads[i].Wait()
	}
	for i := range 3 {
		drive(i, 0)
	}
	stop, own := make(chan struct{}), new(sync.WaitGroup)
	for i, c := range clients {
		run(stop, own, "client"+strconv.Itoa(i), func(p []byte) error { return c.SendBytes("tell", p) })
	}
	for i := range 3 {
		halt(i)
		require.NoError(t, b.hubs[i].srv.Shutdown(waiting(t)))
		next := start(i, 1)
		b.mu.Lock()
		b.hubs[i] = next
		b.mu.Unlock()
		together()
		drive(i, 1)
	}
	for i := range 3 {
		halt(i)
	}
	close(stop)
	own.Wait()
	for i := range clients {
		for name, n := range sent {
			switch {
			case name == "client"+strconv.Itoa(i):
				until(t, name, func() bool { return heard[i].at(name) == n })
			case !strings.HasPrefix(name, "client"):
				until(t, "c"+strconv.Itoa(i)+" hears "+name, func() bool { return got[i].at(name) == n })
			}
		}
		require.Empty(t, got[i].bad)
		require.Empty(t, heard[i].bad)
		require.NotZero(t, clients[i].Stats().Resumed)
	}
}
