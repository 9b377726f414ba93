package historytest

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Patience bounds every wait of the suite. A working store takes much less time.
const Patience = 30 * time.Second

// A Suite says how the cases of [Run] get their stores.
type Suite struct {
	// New makes an empty store, for one case. What it starts ends with the test.
	New func(t *testing.T) *Net

	// In runs a case, for instance in a bubble of synctest. Nil runs it as it is.
	In func(t *testing.T, run func(t *testing.T))
}

// A Net is a store for one case.
type Net struct {
	// Connect returns a way of its own to the store, for one server.
	Connect func() *Way

	// Delete drops all logs behind the servers' backs. Nil leaves that case out.
	Delete func()

	// Stranger is Connect for other servers that use the same broker for something else. Nil leaves that case out.
	Stranger func() *Way
}

// A Way is the way of one server to its store, with its faults. A fault that is nil leaves the cases out that need it.
type Way struct {
	core.HistoryStore
	Cut  func() // makes the store unreachable
	Mend func() // ends Cut
}

type historyCase struct {
	name string
	run  func(s *scene)
}

// Run checks that a store keeps the promises of [core.HistoryStore].
func Run(t *testing.T, s Suite) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			in := s.In
			if in == nil {
				in = func(t *testing.T, run func(t *testing.T)) { run(t) }
			}
			in(t, func(t *testing.T) {
				sc := &scene{t: t, net: s.New(t)}
				defer sc.end()
				tc.run(sc)
			})
		})
	}
}

// kept is what the suite's servers want of a group.
const kept = 20

// A scene is one case under way.
type scene struct {
	t       *testing.T
	net     *Net
	servers []*witness // all that have opened the store
}

func (s *scene) end() {
	for _, w := range s.servers {
		ctx, cancel := patient()
		w.log.Close(ctx) //nolint:errcheck // it may be cut off
		cancel()
	}
}

func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

// open makes n servers open the store.
func (s *scene) open(n int) []*witness {
	made := make([]*witness, n)
	for i := range made {
		made[i] = s.openBy(s.net.Connect())
	}
	return made
}

func (s *scene) openBy(way *Way) *witness {
	w := &witness{t: s.t, way: way, name: "server-" + strconv.Itoa(len(s.servers)), parts: make(map[string][]core.HistoryPart)}
	ctx, cancel := patient()
	defer cancel()
	var err error
	w.log, err = way.Open(ctx, w.name, core.HistoryRules{Messages: kept, Bytes: 64 << 10}, w)
	require.NoError(s.t, err)
	require.GreaterOrEqual(s.t, w.log.MaxMessage(), core.MinRelayPart)
	s.servers = append(s.servers, w)
	return w
}

// A witness is a server that writes down what it is told.
type witness struct {
	t    *testing.T
	way  *Way
	name string
	log  core.HistoryLog
	sent int

	mu     sync.Mutex // guards the fields below
	parts  map[string][]core.HistoryPart
	missed int
	inside int // methods of the handler that run
	wrong  string
}

// enter notes that a method of the handler runs.
func (w *witness) enter() func() {
	w.mu.Lock()
	if w.inside++; w.inside > 1 {
		w.wrong = "two methods of the handler run at once"
	}
	return func() {
		w.inside--
		w.mu.Unlock()
	}
}

// Appended implements [core.HistoryHandler].
func (w *witness) Appended(group string, part core.HistoryPart) {
	defer w.enter()()
	copied := part
	copied.Messages = nil
	for _, m := range part.Messages {
		copied.Messages = append(copied.Messages, append([]byte(nil), m...))
	}
	w.parts[group] = append(w.parts[group], copied)
}

// Missed implements [core.HistoryHandler].
func (w *witness) Missed() {
	defer w.enter()()
	w.missed++
}

// until waits until cond holds.
func (w *witness) until(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(Patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			require.Fail(w.t, "it takes too long until "+what)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.t, w.wrong)
}

// batch returns messages with new ids.
func (w *witness) batch(group string, texts ...string) (batch []core.HistoryMessage) {
	for _, text := range texts {
		w.sent++
		batch = append(batch, core.HistoryMessage{Group: group, ID: w.name + "-" + strconv.Itoa(w.sent), Data: []byte(text)})
	}
	return batch
}

// append appends messages.
func (w *witness) append(group string, texts ...string) {
	w.t.Helper()
	w.appendBatch(w.batch(group, texts...))
}

// appendBatch appends a batch, as core does.
func (w *witness) appendBatch(batch []core.HistoryMessage) {
	w.t.Helper()
	w.until("a batch is appended", func() bool {
		ctx, cancel := patient()
		defer cancel()
		return w.log.Append(ctx, batch) == nil
	})
}

// read reads a group.
func (w *witness) read(group string, epoch, after uint64) (part core.HistoryPart) {
	w.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	part, err := w.log.Read(ctx, group, epoch, after)
	require.NoError(w.t, err)
	require.NotZero(w.t, part.Epoch)
	require.NotZero(w.t, part.First)
	return part
}

// told returns the messages of a group that the server has been told of from a number on, one after the other.
func (w *witness) told(group string, epoch, from uint64) (texts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.parts[group] {
		for i, m := range p.Messages {
			if p.Epoch == epoch && p.First+uint64(i) == from {
				texts = append(texts, string(m))
				from++
			}
		}
	}
	return texts
}

// textsOf returns the messages of a part.
func textsOf(p core.HistoryPart) (texts []string) {
	for _, m := range p.Messages {
		texts = append(texts, string(m))
	}
	return texts
}

// numbered returns n texts, each with a number.
func numbered(what string, n int) (texts []string) {
	for i := range n {
		texts = append(texts, what+" "+strconv.Itoa(i))
	}
	return texts
}
