// Package client is the part of the benchmark that measures clients. The client of each library does the same works
// with a server in another process. A client written by hand
// does them with plain blocking reads and writes.
package client

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Client is one connection of a library.
type Client interface {
	// Call sends a message and returns once its answer has come. As many goroutines as the client was opened for
	// may call at the same time, each with its own id.
	Call(id int, message []byte) error

	// Echo keeps a number of messages in flight until stop returns true, and counts each message that comes back.
	// It returns once all have come back.
	Echo(message []byte, window int, count *atomic.Uint64, stop func() bool) error

	Close() error
}

// An opener connects to a server for a number of callers.
type opener func(addr string, callers int) (Client, error)

var openers = map[string]opener{
	byHand:       openHand,
	"hisock/tcp": openTCP,
	"hisock/ws":  openWS,
	"nats.go":    openNATS,
	"gorilla":    openGorilla,
}

// byHand is the client written by hand. It has one goroutine for each connection: in place of several callers it keeps
// as many messages in flight.
const byHand = "by hand"

// A Work says what the clients do.
type Work struct {
	Conns   int
	Callers int // goroutines that call on each connection; 0 if messages are echoed
	Window  int // messages in flight on each connection, if they are echoed
	Size    int // bytes of a message
}

// A Result has the figures of a run.
type Result struct {
	Messages uint64 // messages that came back in Elapsed
	Elapsed  time.Duration
	CPU      time.Duration // processor time of this process in Elapsed
	P50, P99 time.Duration // latencies of calls
}

// patience is how long the first message may take to come back.
const patience = 20 * time.Second

// maxLatencies is how many latencies of one caller are kept.
const maxLatencies = 1 << 18

// A worker has the counters of one caller. Padding keeps them in their own cache lines.
type worker struct {
	count     atomic.Uint64
	latencies []time.Duration
	_         [64]byte
}

// Run opens clients of a library and does the work: first for a warm-up that does not count, then for the measurement.
func (w Work) Run(name, addr string, warm, measure time.Duration) (r Result, err error) {
	open := openers[name]
	if open == nil {
		return r, fmt.Errorf("client: no client %q", name)
	}
	clients := make([]Client, 0, w.Conns)
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	for range w.Conns {
		c, err := open(addr, max(w.Callers, 1))
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		clients = append(clients, c)
	}
	if name == byHand && w.Callers > 1 {
		w.Callers, w.Window = 0, w.Callers
	}
	workers := make([]worker, w.Conns*max(w.Callers, 1))
	var stop, counts atomic.Bool
	failed := make(chan error, len(workers))
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			message := make([]byte, w.Size)
			c, me := clients[i%w.Conns], &workers[i]
			var err error
			if w.Callers == 0 {
				err = c.Echo(message, w.Window, &me.count, stop.Load)
			} else {
				err = me.call(c, i/w.Conns, message, &stop, &counts)
			}
			if err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	sum := func() (n uint64) {
		for i := range workers {
			n += workers[i].count.Load()
		}
		return n
	}
	time.Sleep(warm)
	counts.Store(true)
	start, cpu, before := time.Now(), cpuTime(), sum()
	time.Sleep(measure)
	// At least one message must come, however slow the machine is.
	for limit := time.Now().Add(patience); sum() == before && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	r.Messages = sum() - before
	r.CPU, r.Elapsed = cpuTime()-cpu, time.Since(start)
	counts.Store(false)
	stop.Store(true)
	wg.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return r, err
	}
	var all []time.Duration
	for i := range workers {
		all = append(all, workers[i].latencies...)
	}
	if slices.Sort(all); len(all) > 0 {
		r.P50, r.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return r, nil
}

func (me *worker) call(c Client, id int, message []byte, stop, counts *atomic.Bool) error {
	for !stop.Load() {
		begin := time.Now()
		if err := c.Call(id, message); err != nil {
			return err
		}
		me.count.Add(1)
		if counts.Load() && len(me.latencies) < maxLatencies {
			me.latencies = append(me.latencies, time.Since(begin))
		}
	}
	return nil
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
