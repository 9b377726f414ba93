package relaytest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A witness is a node and its handler, which remembers what it was told.
type witness struct {
	t    *testing.T
	way  *Way
	name string // the node's id, and a topic of its own
	node core.RelayNode

	mu         sync.Mutex // guards the fields below
	got        []core.RelayMessage
	ups        int
	downs      int
	lost       int
	claimsLost int
	running    bool          // a method of the handler runs
	overlap    bool          // two of them ran at once
	hold       chan struct{} // while it is open Message waits; nil if Message does not wait
}

// enter notes that a method of the handler runs, until the function that it returns is called.
func (w *witness) enter() (leave func()) {
	w.mu.Lock()
	w.overlap = w.overlap || w.running
	w.running = true
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		w.running = false
		w.mu.Unlock()
	}
}

func (w *witness) Message(topic string, payload []byte) {
	defer w.enter()()
	w.mu.Lock()
	hold := w.hold
	w.got = append(w.got, core.RelayMessage{Topic: strings.Clone(topic), Payload: bytes.Clone(payload)})
	w.mu.Unlock()
	if hold != nil {
		<-hold
	}
}

func (w *witness) Up()         { defer w.enter()(); w.count(&w.ups, 1) }
func (w *witness) Down(error)  { defer w.enter()(); w.count(&w.downs, 1) }
func (w *witness) Lost(n int)  { defer w.enter()(); w.count(&w.lost, n) }
func (w *witness) ClaimsLost() { defer w.enter()(); w.count(&w.claimsLost, 1) }

func (w *witness) count(what *int, n int) {
	w.mu.Lock()
	*what += n
	w.mu.Unlock()
}

// stop makes Message wait until release is called.
func (w *witness) stop() {
	w.mu.Lock()
	w.hold = make(chan struct{})
	w.mu.Unlock()
}

func (w *witness) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hold != nil {
		close(w.hold)
		w.hold = nil
	}
}

// until waits until cond holds.
func (w *witness) until(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(Patience); !cond(); {
		require.True(w.t, time.Now().Before(deadline), "%s: not in time", what)
		time.Sleep(time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.False(w.t, w.overlap, "two methods of the handler run at once")
}

// read returns one of the counts.
func (w *witness) read(count *int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *count
}

func (w *witness) messages() []core.RelayMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got[:len(w.got):len(w.got)]
}

func (w *witness) has(topic string, payload []byte) bool {
	for _, m := range w.messages() {
		if m.Topic == topic && bytes.Equal(m.Payload, payload) {
			return true
		}
	}
	return false
}

// on returns the payloads that have come on some topics, in order.
func (w *witness) on(topics ...string) (payloads []string) {
	for _, m := range w.messages() {
		for _, topic := range topics {
			if m.Topic == topic {
				payloads = append(payloads, string(m.Payload))
			}
		}
	}
	return payloads
}

func (w *witness) subscribe(topics ...string) {
	w.t.Helper()
	for _, topic := range topics {
		require.NoError(w.t, w.node.Subscribe(topic))
	}
}

// publish publishes messages on a topic.
func (w *witness) publish(topic string, payloads ...string) {
	w.t.Helper()
	var batch []core.RelayMessage
	for _, p := range payloads {
		batch = append(batch, core.RelayMessage{Topic: topic, Payload: []byte(p)})
	}
	sent, err := w.node.Publish(batch)
	require.NoError(w.t, err)
	require.Equal(w.t, len(batch), sent)
	for _, m := range batch {
		clear(m.Payload) // the relay does not keep it
	}
}

// claim reports whether a claim is made, and otherwise the value of the claim that is in the way.
func (w *witness) claim(key, value string) (mine bool, held string) {
	w.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	mine, got, err := w.node.Claim(ctx, key, []byte(value))
	require.NoError(w.t, err)
	return mine, string(got)
}

// lookup returns the value of a claim, or "none".
func (w *witness) lookup(key string) string {
	w.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	held, ok, err := w.node.Lookup(ctx, key)
	require.NoError(w.t, err)
	if !ok {
		return "none"
	}
	return string(held)
}

func (w *witness) releaseClaim(key string) {
	w.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	require.NoError(w.t, w.node.Release(ctx, key))
}
