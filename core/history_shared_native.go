//go:build !js

package core

import (
	"context"
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
)

// A sharedHistory is what a server does with the store of its History. Its parts:
//
//	send, append    a send lays a message into the backlog; one goroutine appends batches to the store
//	Appended        the store's goroutine gives members what was appended to a group that is followed
//	read            a few goroutines follow groups that have members, and read what the server has not had: see history_follow_native.go
//	audit           one goroutine has groups read that have been silent for long
type sharedHistory struct {
	srv     *Server
	opts    History
	self    uint64 // stands for this server in messages
	backlog *history.Backlog
	log     atomic.Pointer[HistoryLog]
	most    atomic.Int64 // the greatest message, in bytes
	queues  [historyReaders]readQueue
	seed    maphash.Seed
	ahead   atomic.Int64 // bytes of parts that wait for a read, of all groups
	count   historyCounters

	starting sync.Once
	stopping sync.Once
	ctx      context.Context // ends when the server has ended
	cancel   context.CancelFunc
	working  context.Context // ends when nothing new will be sent
	rest     context.CancelFunc
	opened   chan struct{} // closed when log is set
	running  sync.WaitGroup

	mu     lock.Mutex[lock.SharedGroups] // guards the fields below; taken under the turn of a group
	groups map[string]*followed          // by token
	why    error                         // why the store could not be reached last; nil if it can
}

// historyCounters count what [HistoryStats] says.
type historyCounters struct{ appended, delivered, refused, unsent atomic.Uint64 }

// newSharedHistory returns the shared history of a server, or nil if the server has none.
func newSharedHistory(s *Server, o History) *sharedHistory {
	if o.Store == nil {
		return nil
	}
	d := &sharedHistory{
		srv: s, opts: o, self: session.RandomNumber(), groups: make(map[string]*followed), seed: maphash.MakeSeed(),
		opened: make(chan struct{}),
	}
	if s.cluster != nil {
		d.self = s.cluster.self
	}
	d.backlog = history.NewBacklog(o.QueueBytes, strconv.FormatUint(session.RandomNumber(), 36))
	d.most.Store(MinRelayPart)
	for i := range d.queues {
		d.queues[i].wake = make(chan struct{}, 1)
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.working, d.rest = context.WithCancel(d.ctx)
	return d
}

// serve says that the server has or may have clients.
func (d *sharedHistory) serve() {
	if d != nil {
		d.start()
	}
}

// historyToken returns what a store calls a group. Names are hashed, and each message has the name too.
func historyToken(group string) string { return relay.TopicOf(relay.ToGroup, group) }

// start opens the store, once. It does not wait.
func (d *sharedHistory) start() {
	d.starting.Do(func() {
		d.running.Go(d.open)
		d.running.Go(d.append)
		for i := range d.queues {
			d.running.Go(func() { d.read(&d.queues[i]) })
		}
		d.running.Go(d.audit)
	})
}

// open opens the store. It tries until the server ends.
func (d *sharedHistory) open() {
	var wait backoff
	for {
		log, err := d.opts.Store.Open(d.ctx, d.name(), HistoryRules{Messages: d.opts.Messages, Bytes: d.opts.Bytes}, (*historyHandler)(d))
		if err == nil {
			d.most.Store(int64(log.MaxMessage()))
			d.log.Store(&log)
			close(d.opened)
			return
		}
		if d.ctx.Err() != nil {
			return
		}
		d.failed(err)
		wait.sleep(d.ctx, nil)
	}
}

// name names the server for people.
func (d *sharedHistory) name() string {
	if d.srv.cluster != nil {
		return d.srv.cluster.opts.Node
	}
	return "server-" + strconv.FormatUint(d.self, 36)
}

// failed notes that the store could not be reached, and reports it once.
func (d *sharedHistory) failed(err error) {
	e := wrapError(CodeUnavailable, "history store", err)
	d.mu.Lock()
	first := d.why == nil
	d.why = e
	d.mu.Unlock()
	if first && d.ctx.Err() == nil {
		d.srv.eng.faultOf(nil, "the store of history cannot be reached", e)
	}
}

// reached notes that the store can be reached.
func (d *sharedHistory) reached() {
	d.mu.Lock()
	was := d.why
	d.why = nil
	d.mu.Unlock()
	if was != nil {
		d.srv.eng.log.info(nil, "the store of history can be reached", nil)
	}
}

// historyCloseTime bounds how long the end of the shared history may take: half of it is for what waits to be appended.
const historyCloseTime = 4 * time.Second

// stop appends what waits, and ends everything. When it has returned nothing of the shared history runs.
func (d *sharedHistory) stop() {
	if d == nil {
		return
	}
	d.stopping.Do(func() {
		d.starting.Do(func() { close(d.opened) }) // nothing starts any more
		d.rest()
		late := time.AfterFunc(historyCloseTime/2, d.cancel)
		d.running.Wait()
		late.Stop()
		d.cancel()
		d.giveUp() // also if nothing was started
		if log := d.log.Load(); log != nil {
			ctx, cancel := context.WithTimeout(context.Background(), historyCloseTime/2)
			defer cancel()
			if err := (*log).Close(ctx); err != nil {
				d.srv.eng.log.warn(nil, "the store of history could not be left in order", err)
			}
		}
	})
}

// stats returns the counters.
func (d *sharedHistory) stats() HistoryStats {
	if d == nil {
		return HistoryStats{}
	}
	d.mu.Lock()
	following, up := len(d.groups), d.why == nil && d.log.Load() != nil
	d.mu.Unlock()
	return HistoryStats{
		Up: up, Following: following, Waiting: d.backlog.Held(),
		Appended: d.count.appended.Load(), Delivered: d.count.delivered.Load(), Refused: d.count.refused.Load(), Unsent: d.count.unsent.Load(),
	}
}
