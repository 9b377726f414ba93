//go:build !js

package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/faulty"
)

// soak returns the size of a test: long in make soak, otherwise short.
func soak(short, long int) int {
	if os.Getenv("HISOCK_SOAK") != "" {
		return long
	}
	return short
}

// A model is what must be true of a server and its clients however often streams break off. In each
// session, the messages that arrive are a beginning of the messages that were sent, and all of them
// if the client has ended the session. Joins and leaves alternate, and so do suspends and resumes.
type model struct {
	mu     sync.Mutex
	sent   map[string][]int // accepted by Send, by direction and session
	got    map[string][]int
	closed map[string]bool // sessions that their clients ended
	states map[*Conn]string
	wrong  []string
}

func newModel() *model {
	return &model{
		sent: make(map[string][]int), got: make(map[string][]int),
		closed: make(map[string]bool), states: make(map[*Conn]string),
	}
}

// A modelMessage is a numbered message. Session is the same at both ends: the client's name and the
// number of its connection.
type modelMessage struct {
	Session string
	N       int
}

// next sends the next message of a session, or a raw message, and records it if it was accepted.
func (m *model) next(c *Conn, way, session string, size int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := way + " " + session
	n := len(m.sent[key])
	if err := c.Send(way, map[string]any{"Session": session, "N": n, "Fill": make([]byte, size)}); err != nil {
		return err
	}
	m.sent[key] = append(m.sent[key], n)
	return nil
}

func (m *model) arrived(way string, in modelMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := way + " " + in.Session
	m.got[key] = append(m.got[key], in.N)
}

// step records an event of a connection at the server. It may follow only the given events.
func (m *model) step(c *Conn, event string, after ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.states[c]
	for _, a := range after {
		if was == a {
			m.states[c] = event
			return
		}
	}
	m.wrong = append(m.wrong, fmt.Sprintf("%s: %s after %q", c.Name(), event, was))
}

func (m *model) check(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Empty(t, m.wrong)
	for c, s := range m.states {
		require.Equal(t, "leave", s, c.Name())
	}
	for key, got := range m.got {
		require.LessOrEqual(t, len(got), len(m.sent[key]), key)
		require.Equal(t, m.sent[key][:len(got)], got, "%s: once and in order", key)
	}
	for session := range m.closed {
		key := "up " + session
		require.Equal(t, len(m.sent[key]), len(m.got[key]), "%s: a client that closes has sent all", key)
	}
}

func TestModel(t *testing.T) {
	var resumed, lost uint64
	for seed := range uint64(soak(40, 4000)) {
		rng := rand.New(rand.NewPCG(seed, 1))
		opts := &ServerOptions{
			Limits:   Limits{QueueBytes: 32<<10 + rng.IntN(256<<10), InboxBytes: 1<<10 + rng.IntN(64<<10), MaxConcurrent: 4},
			Timeouts: Timeouts{Resume: time.Duration(20+rng.IntN(2000)) * time.Millisecond},
		}
		if seed%3 == 2 { // some clients are too late: dialing takes a while
			opts.Timeouts.Resume = time.Duration(1+rng.IntN(20)) * time.Millisecond
		}
		inWorld(t, opts, func(w *world) {
			m := runModel(w, rng, seed)
			resumed += w.srv.Stats().Resumed
			lost += uint64(len(m.states) - 3)
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d resumed, %d sessions given up", resumed, lost)
	require.Greater(t, resumed, uint64(100), "streams broke off")
	require.NotZero(t, lost, "and some for too long")
}

func runModel(w *world, rng *rand.Rand, seed uint64) *model {
	m := newModel()
	w.srv.OnJoin(func(c *Conn) { m.step(c, "join", "") })
	w.srv.OnSuspend(func(c *Conn, _ error) { m.step(c, "suspend", "join", "resume") })
	w.srv.OnResume(func(c *Conn) { m.step(c, "resume", "suspend") })
	w.srv.OnLeave(func(c *Conn, _ error) { m.step(c, "leave", "join", "suspend", "resume") })
	slow := rng.IntN(2) == 0
	On(w.srv, "up", func(ctx context.Context, c *Conn, in modelMessage) error {
		m.arrived("up", in)
		if slow && in.N%37 == 0 {
			time.Sleep(15 * time.Millisecond)
		}
		m.next(c, "down", in.Session, in.N%2000) //nolint:errcheck // then the session has ended
		return nil
	})
	Handle(w.srv, "double", func(ctx context.Context, c *Conn, n int) (int, error) {
		if n%5 == 0 {
			return Call[int](ctx, c, "twice", n)
		}
		return 2 * n, nil
	}, Concurrent())
	w.serve()

	done := make(chan error, 3)
	for i := range 3 {
		own := rand.New(rand.NewPCG(seed, uint64(i+2)))
		cuts := rand.New(rand.NewPCG(seed, uint64(i+20)))
		cl, _ := w.returning(fmt.Sprint("client ", i), Retry{Min: time.Duration(1+rng.IntN(30)) * time.Millisecond, Max: 30 * time.Millisecond})
		net := &network{Dialer: w.lis, delay: func() time.Duration { return time.Duration(seed%3/2) * 10 * time.Millisecond }}
		cl.dialer = faulty.Dialer(net, func(n int) faulty.Script {
			at := cuts.Int64N(40_000)
			if n == 0 {
				at += 500 // the first connects at once
			}
			if cuts.IntN(2) == 0 {
				return faulty.Script{faulty.Read(at, faulty.Cut())}
			}
			return faulty.Script{faulty.Write(at, faulty.Cut())}
		})
		On(cl, "down", func(_ context.Context, _ *Conn, in modelMessage) error { m.arrived("down", in); return nil })
		Handle(cl, "twice", func(_ context.Context, _ *Conn, n int) (int, error) { return 2 * n, nil })
		require.NoError(w.t, cl.Connect(w.ctx))
		go func() { done <- m.live(w.ctx, cl, own) }()
	}
	for range 3 {
		require.NoError(w.t, <-done, "seed %d", seed)
	}
	synctest.Wait()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	require.NoError(w.t, w.srv.Shutdown(ctx))
	m.check(w.t)
	if w.t.Failed() {
		w.t.Log("seed", seed)
	}
	return m
}

// live is the program of one client.
func (m *model) live(ctx context.Context, cl *Client, rng *rand.Rand) error {
	for i := range 200 {
		c := cl.Conn()
		session := fmt.Sprint(cl.opts.Name, " #", c.ID())
		switch rng.IntN(12) {
		case 0:
			group := fmt.Sprint("group ", rng.IntN(3))
			if rng.IntN(2) == 0 {
				c.Join(ctx, group) //nolint:errcheck // or the session has ended
			} else {
				c.Leave(ctx, group) //nolint:errcheck // or the session has ended
			}
		case 1:
			c.Rename(ctx, fmt.Sprint(cl.opts.Name, " ", rng.IntN(3))) //nolint:errcheck // or the session has ended
		case 2, 3:
			n, err := Call[int](ctx, c, "double", i)
			if code := CodeOf(err); err == nil && n != 2*i || err != nil && code != CodeConnLost && code != CodeSlowConsumer {
				return fmt.Errorf("call %d: %d, %w", i, n, err)
			}
		case 4:
			time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		default:
			m.next(c, "up", session, rng.IntN(3000)) //nolint:errcheck // or the session has ended
		}
	}
	// The rest is sent once there is a stream.
	for cl.Conn().Suspended() || cl.Conn().isEnded() {
		time.Sleep(10 * time.Millisecond)
	}
	return m.leave(ctx, cl)
}

// leave ends a session in order and records it. It tries again if the stream breaks off before.
func (m *model) leave(ctx context.Context, cl *Client) error {
	for {
		c := cl.Conn()
		if _, err := Call[int](ctx, c, "double", 1); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		m.mu.Lock()
		m.closed[fmt.Sprint(cl.opts.Name, " #", c.ID())] = true
		m.mu.Unlock()
		cl.Close() //nolint:errcheck // nothing to be done about it
		<-cl.Done()
		return nil
	}
}
