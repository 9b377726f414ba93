package natsrelay

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// startKeeper starts a server that keeps messages in a store, and is no node of a cluster. It ends with the test.
func startKeeper(t *testing.T, store core.HistoryStore, messages int) *hub {
	t.Helper()
	srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent, History: core.History{Messages: messages, Bytes: 1 << 20, Replay: true, Store: store}})
	require.NoError(t, err)
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

// A reader is a client that goes from server to server, in one group, and writes down what it is given, with lines for gaps.
type reader struct {
	*core.Client
	t   *testing.T
	at  atomic.Pointer[hub]
	mu  sync.Mutex
	got []string
}

// Dial connects to the server where the reader is.
func (r *reader) Dial(ctx context.Context) (transport.Conn, error) { return r.at.Load().lis.Dial(ctx) }

func newReader(t *testing.T, name string) *reader {
	t.Helper()
	r := &reader{t: t}
	var err error
	r.Client, err = core.NewClient(r, &core.ClientOptions{Name: name, Groups: []string{"red"}, Retry: core.Retry{Off: true}, Logger: core.Silent})
	require.NoError(t, err)
	add := func(text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, text)
	}
	r.OnBytes("say", func(_ context.Context, _ *core.Conn, payload []byte) error {
		add(string(payload))
		return nil
	})
	r.OnReplay(func(_ *core.Conn, p core.Replay) {
		if p.Lost || p.Missed > 0 {
			add(fmt.Sprintf("missed %d lost %v", p.Missed, p.Lost))
		}
	})
	t.Cleanup(func() { r.Close() }) //nolint:errcheck // it may be over
	return r
}

// to connects the reader to a server.
func (r *reader) to(h *hub) {
	r.t.Helper()
	r.away()
	r.at.Store(h)
	until(r.t, "the client has come", func() bool { return r.Connect(waiting(r.t)) == nil })
}

func (r *reader) away() {
	if c := r.Conn(); c != nil {
		c.Close()
		<-c.Done()
	}
}

// all returns what the reader has been given.
func (r *reader) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// wants waits until the reader has been given what it should, and nothing else.
func (r *reader) wants(want []string) {
	r.t.Helper()
	until(r.t, r.Name()+" is given its messages", func() bool { return len(r.all()) >= len(want) })
	require.Equal(r.t, want, r.all())
}

func say(t *testing.T, h *hub, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.NoError(t, h.srv.Group("red").SendBytes("say", []byte(text)))
	}
}

// stored waits until the store has all that a server has sent.
func stored(t *testing.T, h *hub) {
	t.Helper()
	require.NoError(t, h.srv.Group("other").SendBytes("mark", nil, core.Wait(waiting(t))))
}

func count(what string, from, to int) (texts []string) {
	for i := from; i <= to; i++ {
		texts = append(texts, what+strconv.Itoa(i))
	}
	return texts
}

// All servers die without a word, and NATS is started again with its files: clients go on at new servers.
func TestHistoryOutlivesEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startServer(t, server.Options{StoreDir: dir})
	port := portOf(broker)
	var hubs []*hub
	var paths []*path
	start := func() *hub {
		p := startPath(t, "127.0.0.1:"+strconv.Itoa(port))
		paths = append(paths, p)
		h := startKeeper(t, newHistory(t, HistoryOptions{Servers: []string{p.url()}}), 1000)
		hubs = append(hubs, h)
		return h
	}
	start()
	start()
	ada, bob := newReader(t, "ada"), newReader(t, "bob")
	ada.to(hubs[0])
	bob.to(hubs[1])
	say(t, hubs[0], count("m", 1, 50)...)
	ada.wants(count("m", 1, 50))
	bob.wants(count("m", 1, 50))
	ada.away()
	say(t, hubs[1], count("m", 51, 120)...)
	bob.wants(count("m", 1, 120))
	bob.away()
	say(t, hubs[0], "m121")
	stored(t, hubs[0])
	for _, p := range paths {
		p.end() // as if the processes had died
	}
	broker.Shutdown()
	broker.WaitForShutdown()
	startServer(t, server.Options{StoreDir: dir, Port: port})
	third, fourth := start(), start()
	ada.to(third)
	ada.wants(count("m", 1, 121))
	bob.to(fourth)
	bob.wants(count("m", 1, 121))
	say(t, third, "m122")
	ada.wants(count("m", 1, 122))
	bob.wants(count("m", 1, 122))
	ada.to(fourth)
	say(t, fourth, "m123")
	ada.wants(count("m", 1, 123))
	bob.wants(count("m", 1, 123))
}

// NATS is away for a while: what is sent meanwhile waits, and comes once, in order.
func TestHistoryWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startServer(t, server.Options{StoreDir: dir})
	port := portOf(broker)
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	a, b := startKeeper(t, store, 1000), startKeeper(t, store, 1000)
	ada, bob := newReader(t, "ada"), newReader(t, "bob")
	ada.to(a)
	say(t, a, count("m", 1, 10)...)
	ada.wants(count("m", 1, 10))
	stop := make(chan struct{})
	var all sync.WaitGroup
	sent := 10
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			if sent == 900 { // all of them are kept
				continue
			}
			if a.srv.Group("red").SendBytes("say", []byte("m"+strconv.Itoa(sent+1))) == nil {
				sent++
			}
		}
	})
	broker.Shutdown()
	broker.WaitForShutdown()
	until(t, "it is noticed", func() bool { return !a.srv.Stats().History.Up })
	bob.to(b)
	startServer(t, server.Options{StoreDir: dir, Port: port})
	until(t, "it is back", func() bool { return a.srv.Stats().History.Up })
	close(stop)
	all.Wait()
	want := count("m", 1, sent)
	ada.wants(want)
	bob.wants(want)
}

// Somebody deletes the stream.
func TestHistoryOfAStreamThatWasDeleted(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	a, b := startKeeper(t, store, 10), startKeeper(t, store, 10)
	ada, bob := newReader(t, "ada"), newReader(t, "bob")
	ada.to(a)
	bob.to(b)
	say(t, a, "one", "two")
	ada.wants([]string{"one", "two"})
	bob.wants([]string{"one", "two"})
	bob.away()
	js, err := jetstream.New(connect(t, broker.ClientURL()))
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(waiting(t), "HISTORY_hisock"))
	say(t, b, "three")
	ada.wants([]string{"one", "two", "missed 0 lost true", "three"})
	bob.to(a)
	bob.wants([]string{"one", "two", "missed 0 lost true", "three"})
	say(t, a, "four")
	ada.wants([]string{"one", "two", "missed 0 lost true", "three", "four"})
	bob.wants([]string{"one", "two", "missed 0 lost true", "three", "four"})
}

// Somebody who is no server publishes to all subjects of the store.
func TestHistoryOfStrangers(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	a, b := startKeeper(t, store, 10), startKeeper(t, store, 10)
	ada, bob := newReader(t, "ada"), newReader(t, "bob")
	ada.to(a)
	say(t, a, "one")
	ada.wants([]string{"one"})
	stranger := connect(t, broker.ClientURL())
	js, err := jetstream.New(stranger)
	require.NoError(t, err)
	stream, err := js.Stream(waiting(t), "HISTORY_hisock")
	require.NoError(t, err)
	info, err := stream.Info(waiting(t), jetstream.WithSubjectFilter("hisock.history.kept.>"))
	require.NoError(t, err)
	garbage := [][]byte{
		nil, {1}, make([]byte, 5000), {blockVersion, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0},
		(&block{epoch: 7, first: maxNumber + 1}).encode(),
	}
	for subject := range info.State.Subjects {
		group := subject[len("hisock.history.kept."):]
		for _, data := range garbage {
			_, err := js.Publish(waiting(t), subject, data)
			require.NoError(t, err)
			require.NoError(t, stranger.Publish("hisock.history.told."+group, data))
		}
		require.NoError(t, stranger.Publish("hisock.history.told."+group, (&block{epoch: 7, first: 5, messages: [][]byte{[]byte("x")}}).encode()))
	}
	require.NoError(t, stranger.Publish("hisock.history.told", garbage[1]))
	require.NoError(t, stranger.Flush())
	bob.to(b)
	say(t, b, "two")
	ada.wants([]string{"one", "two"})
	bob.wants([]string{"one", "two"})
	say(t, a, "three")
	ada.wants([]string{"one", "two", "three"})
	bob.wants([]string{"one", "two", "three"})
}

// Servers that all send to one group at once get into each other's way, and all messages are there, once, in one order.
func TestHistoryOfABusyGroup(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	const servers, each = 5, 400
	var hubs []*hub
	var readers []*reader
	for i := range servers {
		h := startKeeper(t, store, servers*each)
		r := newReader(t, "r"+strconv.Itoa(i))
		r.to(h)
		hubs, readers = append(hubs, h), append(readers, r)
	}
	var all sync.WaitGroup
	for i, h := range hubs {
		all.Go(func() {
			for j := range each {
				h.srv.Group("red").SendBytes("say", fmt.Appendf(nil, "%d %03d", i, j)) //nolint:errcheck // it would be missing
				if j%50 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	until(t, "all have come", func() bool { return len(readers[0].all()) == servers*each })
	want := readers[0].all()
	for _, r := range readers[1:] {
		r.wants(want)
	}
	for i := range servers {
		own := slices.DeleteFunc(slices.Clone(want), func(text string) bool { return text[0] != byte('0'+i) })
		require.Len(t, own, each)
		require.True(t, slices.IsSorted(own))
	}
	late := newReader(t, "late")
	late.to(hubs[0])
	late.wants(want)
}

// A stranger uses up the numbers of a log, and writes a message that looks like an answer of NATS. The log begins anew.
func TestHistoryOfAStrangerWithHeaders(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	a, b := startKeeper(t, store, 10), startKeeper(t, store, 10)
	say(t, a, "one")
	stored(t, a)
	js, err := jetstream.New(connect(t, broker.ClientURL()))
	require.NoError(t, err)
	stream, err := js.Stream(waiting(t), "HISTORY_hisock")
	require.NoError(t, err)
	info, err := stream.Info(waiting(t), jetstream.WithSubjectFilter("hisock.history.kept.>"))
	require.NoError(t, err)
	for subject := range info.State.Subjects {
		_, err = js.PublishMsg(waiting(t), &nats.Msg{Subject: subject, Header: nats.Header{"Status": {"500"}, jetstream.SequenceHeader: {"1"}}})
		require.NoError(t, err)
		_, err = js.Publish(waiting(t), subject, (&block{epoch: 7, first: maxNumber, messages: [][]byte{[]byte("x")}}).encode())
		require.NoError(t, err)
	}
	say(t, a, "two")
	stored(t, a)
	say(t, b, "three")
	stored(t, b)
	ada := newReader(t, "ada")
	ada.to(b)
	ada.wants([]string{"two", "three"})
}

// A Forget whose answer is lost comes again, and leaves what was appended meanwhile.
func TestHistoryForgetsOnce(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	store := newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})
	open := func() *historyLog {
		l, err := store.Open(waiting(t), "n", core.HistoryRules{Messages: 10, Bytes: 1 << 20}, nobody{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close(context.Background())) })
		return l.(*historyLog)
	}
	a, b := open(), open()
	require.NoError(t, a.Append(waiting(t), []core.HistoryMessage{{Group: "g", ID: "1", Data: []byte("old")}}))
	a.gone = forgetting{group: "g", id: "f"}
	require.NoError(t, a.Forget(waiting(t), "g"))
	require.NoError(t, b.Append(waiting(t), []core.HistoryMessage{{Group: "g", ID: "2", Data: []byte("new")}}))
	a.gone = forgetting{group: "g", id: "f"}
	require.NoError(t, a.Forget(waiting(t), "g"))
	part, err := b.Read(waiting(t), "g", 0, 0)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("new")}, part.Messages)
	require.Equal(t, part.First, part.Forgotten)
	require.NoError(t, a.Forget(waiting(t), "g"))
	part, err = b.Read(waiting(t), "g", 0, 0)
	require.NoError(t, err)
	require.Empty(t, part.Messages)
}

// nobody hears of nothing.
type nobody struct{}

func (nobody) Appended(string, core.HistoryPart) {}
func (nobody) Missed()                           {}

// NATS' client closes the connection of a server for good. The server makes another one, follows its groups, and sends what waits.
func TestHistoryAfterItsConnectionWasClosed(t *testing.T) {
	t.Parallel()
	broker := startServer(t, server.Options{})
	w := &recorder{store: newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}})}
	a := startKeeper(t, w, 1000)
	b := startKeeper(t, newHistory(t, HistoryOptions{Servers: []string{broker.ClientURL()}}), 1000)
	ada := newReader(t, "ada")
	ada.to(a)
	say(t, a, "one")
	ada.wants([]string{"one"})
	w.log.Load().conn().Close()
	say(t, b, "two")
	stored(t, b)
	ada.wants([]string{"one", "two"})
	say(t, a, "three")
	ada.wants([]string{"one", "two", "three"})
	say(t, b, "four")
	ada.wants([]string{"one", "two", "three", "four"})
}

// A recorder is a store that knows the log that was opened.
type recorder struct {
	store *History
	log   atomic.Pointer[historyLog]
}

func (r *recorder) Open(ctx context.Context, node string, keep core.HistoryRules, h core.HistoryHandler) (core.HistoryLog, error) {
	l, err := r.store.Open(ctx, node, keep, h)
	if err == nil {
		r.log.Store(l.(*historyLog))
	}
	return l, err
}
