//go:build !js

package core

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
)

// A cluster is what a server knows as a node of a cluster. Its parts:
//
//	publish, put     a send lays a message into the queue, after the local clients or before; it never waits
//	run              one goroutine, the publisher, takes messages out of the queue and gives them to the relay
//	Message          the relay's goroutine delivers messages to local clients; nothing goes out again
//	ask, answer      questions to other nodes and theirs; each of theirs has a goroutine
//	keep             one goroutine says that the node is there, forgets nodes that are silent, and reports what was lost; it waits for nothing else
//	keepClaims       one goroutine has claims made again and given back, which may take long
//	runEvents        one goroutine runs the functions of OnNode and OnRelay, which may take long
//	claims           names and places of users that only one node may give away
type cluster struct {
	srv    *Server
	opts   ClusterOptions
	self   uint64 // the incarnation of this node: no other process has it
	born   time.Time
	queue  *relay.Queue
	nodes  *relay.Nodes
	asks   *relay.Questions
	claims *relay.Claims
	lines  *relay.Lines[*nodeLine]
	parts  *relay.Parts
	others *relay.Others // clients of other nodes, if the program is told of them
	own    own
	moves  migration
	beats  int // since the others were asked for their clients; owned by keep

	up     atomic.Bool  // the relay can be reached
	serves atomic.Bool  // the server has or may have clients
	alone  atomic.Bool  // no other node has clients, for sure: nothing need be relayed
	since  atomic.Int64 // when the others began to have time to say that they are there, in nanoseconds after born
	hushed atomic.Int64 // when a node with clients fell silent last, in nanoseconds after born; 0 if none has
	most   atomic.Int64 // the greatest payload, in bytes
	node   atomic.Pointer[RelayNode]
	count  relayCounters

	starting sync.Once
	stopping sync.Once
	started  atomic.Bool
	ctx      context.Context // ends when the node closes
	cancel   context.CancelFunc
	deciding context.Context // ends when a Shutdown begins: newcomers wait for no claim any more
	refuse   context.CancelFunc
	poke     chan struct{}  // has an element when the relay can be reached again
	regain   chan struct{}  // has an element when claims are to be made again or given back
	news     chan struct{}  // has an element when there are events
	running  sync.WaitGroup // goroutines of the cluster

	mu        lock.Mutex[lock.Cluster] // guards the fields below
	closed    bool
	members   map[uint64]*Conn // by id
	answering map[asked]context.CancelFunc
	bridges   int   // streams of other nodes to clients of this one
	why       error // why the relay cannot be reached; nil if it can
	events    []func()
}

// clusterHooks are what the program registers at a server for its cluster.
type clusterHooks struct {
	surveys map[string]func(context.Context, []byte) ([]byte, error)
	onNode  func(n Node, here bool)
	onRelay func(why error)
}

// An asked is a question of another node that is being answered.
type asked struct{ from, id uint64 }

// relayCounters count what [RelayStats] says.
type relayCounters struct {
	sent, sentBytes, got, gotBytes, missed, dropped, refused, unfit, split atomic.Uint64

	// Owned by keep: what has been reported.
	unsentTold, lostTold, refusedTold uint64
	doubleAt                          atomic.Int64 // when a node of this id was reported last, in nanoseconds after born
}

// lost returns how many messages have not come. Most of what the relay has dropped is missed too, when the next message on the topic comes.
func (c *relayCounters) lost() uint64 { return max(c.missed.Load(), c.dropped.Load()) }

// newCluster returns the cluster of a server, or nil if the server is alone.
func newCluster(s *Server, o ClusterOptions) *cluster {
	if o.Relay == nil {
		return nil
	}
	self := session.RandomNumber()
	if o.Node == "" {
		o.Node = "node-" + strconv.FormatUint(self, 36)
	}
	k := &cluster{
		srv: s, opts: o, self: self, born: time.Now(),
		queue: relay.NewQueue(o.QueueBytes), nodes: relay.NewNodes(self, o.Node, beatsOfPatience*o.Beat),
		asks: relay.NewQuestions(), claims: relay.NewClaims(), lines: relay.NewLines[*nodeLine](o.QueueBytes / 4), parts: relay.NewParts(o.QueueBytes), others: relay.NewOthers(), own: own{clients: make(map[uint64]relay.Client)},
		moves: migration{gone: relay.NewDepartures(s.opts.Timeouts.Resume), fetching: relay.Shares{Most: maxFetches}, strays: relay.Rate{Step: strayStep, Burst: strayBurst}},
		poke:  make(chan struct{}, 1), regain: make(chan struct{}, 1), news: make(chan struct{}, 1),
		members: make(map[uint64]*Conn), answering: make(map[asked]context.CancelFunc),
		why: errNotJoined,
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.deciding, k.refuse = context.WithCancel(k.ctx)
	k.most.Store(MinRelayPart)
	return k
}

var errNotJoined = &Error{Code: CodeUnavailable, Message: "the relay has not been reached yet"}

// start joins the relay, once. It does not wait.
func (k *cluster) start() {
	k.starting.Do(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.closed {
			return
		}
		k.started.Store(true)
		k.queue.Want(relay.Topic{To: relay.ToNodes}, true)
		k.queue.Want(relay.Topic{To: relay.ToConn, Node: k.self}, true)
		k.running.Go(k.run)
		k.running.Go(k.keep)
		k.running.Go(k.keepClaims)
		k.running.Go(k.runEvents)
	})
}

// serve says that the server has or may have clients, and starts.
func (k *cluster) serve() {
	if k == nil {
		return
	}
	first := !k.serves.Swap(true)
	k.queue.Want(relay.Topic{To: relay.ToAll}, true)
	k.queue.Want(relay.Topic{To: relay.ToWatchers}, k.opts.Notices != nil)
	if first && k.started.Load() { // it has said that it serves nobody
		k.hello(relay.Topic{To: relay.ToNodes}, false)
		k.watch(relay.Topic{To: relay.ToNodes})
	}
	k.start()
}

// hurry ends the waits of newcomers for claims.
func (k *cluster) hurry() {
	if k != nil {
		k.refuse()
	}
}

// clusterCloseTime bounds how long the end of a node may take.
const clusterCloseTime = 2 * time.Second

// stop says goodbye to the other nodes and ends everything. When it has returned nothing of the cluster runs.
func (k *cluster) stop() {
	if k == nil {
		return
	}
	k.stopping.Do(func() {
		if k.up.Load() {
			k.put(relay.Topic{To: relay.ToNodes}, relay.NewMessage(relay.KindBye, k.self, 0))
		}
		k.mu.Lock()
		k.closed = true
		k.mu.Unlock()
		k.cancel()
		k.asks.End()
		for _, at := range k.lines.Close() {
			at.Of.ended(errShuttingDown)
		}
		k.starting.Do(func() {}) // nothing starts any more
		k.running.Wait()
		k.queue.Close()
	})
}

// run joins the relay and publishes what is queued, until the node closes.
func (k *cluster) run() {
	node := k.join()
	if node == nil {
		return
	}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-k.queue.Wake():
		case <-k.poke:
		case <-retry.C:
		case <-k.ctx.Done():
			ctx, cancel := context.WithTimeout(context.Background(), clusterCloseTime)
			defer cancel()
			stop := context.AfterFunc(ctx, func() { node.Close(ctx) }) //nolint:errcheck // it unblocks a publication that hangs
			k.flush(node)
			stop()
			if err := node.Close(ctx); err != nil {
				k.srv.eng.log.warn(nil, "the relay could not be left in order", err)
			}
			k.up.Store(false)
			return
		}
		if !k.flush(node) {
			retry.Reset(publishAgain)
		}
	}
}

// publishAgain is the time until a publication that has failed is tried again.
const publishAgain = 50 * time.Millisecond

// join joins the relay. It tries until the node closes; then it returns nil.
func (k *cluster) join() RelayNode {
	var wait backoff
	for {
		node, err := k.opts.Relay.Join(k.ctx, "n"+strconv.FormatUint(k.self, 16), (*relayHandler)(k))
		if err == nil {
			k.most.Store(int64(node.MaxPayload()))
			k.node.Store(&node)
			return node
		}
		if k.ctx.Err() != nil {
			return nil
		}
		k.srv.eng.faultOf(nil, "the relay cannot be joined", wrapError(CodeUnavailable, "relay", err))
		wait.sleep(k.ctx, k.srv.stopping)
		if k.srv.isClosing() {
			return nil
		}
	}
}

// batchBytes is the size of a batch of messages, in bytes.
const batchBytes = 256 << 10

// flush changes subscriptions and publishes what is queued. It reports false if a publication has failed.
func (k *cluster) flush(node RelayNode) (ok bool) {
	var taken []relay.Message
	var batch []RelayMessage
	for {
		changes := k.queue.Changes(batchChanges)
		for _, ch := range changes {
			change := node.Unsubscribe
			if ch.Begin {
				change = node.Subscribe
			}
			if change(ch.Topic) != nil {
				return true // it is closed
			}
			if !ch.Begin {
				k.nodes.Forget(ch.Topic)
			}
		}
		if k.up.Load() {
			taken = k.queue.Take(batchBytes, taken[:0])
		}
		if len(taken) == 0 {
			if len(changes) == 0 && !(k.up.Load() && k.flushLines()) {
				return true
			}
			continue
		}
		batch = batch[:0]
		for _, m := range taken {
			batch = append(batch, RelayMessage{Topic: m.Topic, Payload: m.Payload})
		}
		sent, err := node.Publish(batch)
		for _, m := range batch[:sent] {
			k.count.sentBytes.Add(uint64(len(m.Payload)))
		}
		k.count.sent.Add(uint64(sent))
		if err != nil {
			k.queue.Return(taken[sent:])
			return false
		}
		if waiting, _ := k.queue.Waiting(); waiting > 0 && waiting <= k.turnBytes() { // there may always be something
			k.flushLines()
		}
		clear(batch)
		clear(taken)
		taken = taken[:0]
	}
}

// batchChanges is how many subscriptions are changed before the next messages are published.
const batchChanges = 1024

// put queues a message. It never waits.
func (k *cluster) put(to relay.Topic, message []byte) (at relay.Mark) {
	most := int(k.most.Load())
	switch {
	case len(message) <= most:
		return k.queue.Put(to, message)
	case len(message) <= k.largest():
		return k.queue.PutAll(to, relay.Split(message, k.count.split.Add(1), most))
	}
	k.count.unfit.Add(1)
	return at
}

// largest returns the size of the largest message, in bytes. Above what the relay takes it goes in parts, which are not many times what may wait.
func (k *cluster) largest() int { return max(int(k.most.Load()), k.opts.QueueBytes/2) }

// hello tells all nodes, or one of them, that this node is there.
func (k *cluster) hello(to relay.Topic, asks bool) {
	h := relay.Hello{ID: k.opts.Node, Serves: k.serves.Load(), Asks: asks}
	k.put(to, h.Append(relay.NewMessage(relay.KindHello, k.self, 8+len(h.ID))))
}

// keep does what is due from time to time, until the node closes.
func (k *cluster) keep() {
	t := time.NewTicker(k.opts.Beat)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			k.tick()
		case <-k.ctx.Done():
			return
		}
	}
}

func (k *cluster) tick() {
	now := time.Now()
	for _, n := range k.nodes.Sweep(now) {
		k.since.Store(int64(now.Sub(k.born))) // if it was this node that stood still, the others have time to say that they are there
		if n.Serves {
			k.hushed.Store(int64(now.Sub(k.born)))
		}
		k.gone(n)
	}
	k.judge()
	for _, node := range k.parts.Look() {
		k.incomplete(node, relay.TopicOfNode(k.self)) // maybe
	}
	if k.up.Load() {
		k.tellLater()
		k.hello(relay.Topic{To: relay.ToNodes}, false)
		asked, _ := k.asks.Asked()
		for _, n := range asked {
			k.put(relay.Topic{To: relay.ToConn, Node: n}, relay.NewMessage(relay.KindProbe, k.self, 0))
		}
		k.beatLines()
		k.wake() // for claims in doubt
		if k.beats++; k.beats >= watchBeats {
			k.beats = 0
			k.watch(relay.Topic{To: relay.ToNodes})
		}
	}
	k.sweepMoves(now)
	k.report()
}

// gone ends what was under way with a node that has gone.
func (k *cluster) gone(n relay.Node) {
	k.asks.Gone(n.Incarnation, ^uint64(0))
	k.endLines(n.Incarnation, errNodeGone)
	k.mu.Lock()
	for q, cancel := range k.answering {
		if q.from == n.Incarnation {
			cancel()
		}
	}
	k.mu.Unlock()
	k.srv.eng.log.info(nil, "a node has gone", nil, "node", n.ID)
	k.turnover(n.Incarnation, k.others.Gone(n.Incarnation))
	k.tellNode(n, false)
}

// judge finds out whether no other node has clients. It looks again after it has said so: a node that is met, or a relay that is lost,
// meanwhile has said the contrary before.
func (k *cluster) judge() {
	k.alone.Store(k.isAlone())
	if k.alone.Load() && !k.isAlone() {
		k.alone.Store(false)
	}
}

// silenceTime is how long a node that has fallen silent without a goodbye may still be there: it stands still, its relay keeps
// what is sent to it, and it goes on where it was.
const silenceTime = 10 * time.Minute

// isAlone reports whether no other node has clients. After the relay has been reached, and after a node has fallen silent, there is time for the others
// to say that they are there.
func (k *cluster) isAlone() bool {
	age := k.age()
	settled := age-time.Duration(k.since.Load()) >= 2*k.opts.Beat
	silent := time.Duration(k.hushed.Load())
	return k.up.Load() && settled && (silent == 0 || age-silent >= silenceTime) && k.nodes.Serving() == 0
}

// age returns how old the node is. The clock on the wall, which may be set at any time, has no part in it.
func (k *cluster) age() time.Duration { return time.Since(k.born) }

// isUp returns an error if the relay cannot be reached.
func (k *cluster) isUp() *Error {
	if k.up.Load() {
		return nil
	}
	k.mu.Lock()
	why := k.why
	k.mu.Unlock()
	if e, ok := why.(*Error); ok {
		return k.srv.later(&Error{Code: e.Code, Message: e.Message, cause: e.cause})
	}
	return k.srv.later(wrapError(CodeUnavailable, "the node is cut off", why))
}
