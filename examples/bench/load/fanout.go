package load

import (
	"cmp"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Fanout is a work in which one connection sends messages to groups in turn. Each message goes to
// all members of a group. Every receiver is in one group.
type Fanout struct {
	Groups, Members int
	Size            int // bytes of a message
	// Window is how many messages are in flight: sent, and not received by every member.
	Window int
	// Rate, if not 0, is how many messages are sent in a second, whatever is in flight. Latencies
	// are measured then.
	Rate int

	// From is the address of the server that the publisher connects to. Empty means the server of the receivers.
	From string
	// Settle is how long the receivers wait before the first message, until that server knows of them.
	Settle time.Duration
}

// Run does the work until the meter says that it is over.
func (f Fanout) Run(t Target, m *Meter) error {
	from := Target{Addr: cmp.Or(f.From, t.Addr), Protocol: t.Protocol}
	publisher, err := from.dial(0, role{job: send}, 4<<10)
	if err != nil {
		return err
	}
	defer publisher.nc.Close()
	receivers, err := t.dialAll(f.Groups*f.Members, 16<<10, func(i int) role {
		return role{job: receive, group: uint16(i % f.Groups)}
	})
	if err != nil {
		return err
	}
	defer closeAll(receivers)
	time.Sleep(f.Settle)

	w := &fanout{Fanout: f, meter: m, receivers: receivers, publisher: publisher}
	w.block = max(f.Window/f.Groups/8, 1)
	w.slots = make([][]atomic.Int64, f.Groups)
	for g := range w.slots {
		w.slots[g] = make([]atomic.Int64, f.Window/w.block+1)
	}
	return w.run()
}

// A fanout is the state of a Fanout that runs.
type fanout struct {
	Fanout
	meter     *Meter
	publisher *conn
	receivers []*conn
	sender    *sender

	// The number of members of a group that have received a block of its messages. When all have, the
	// publisher goes on. There are at most as many blocks in flight as slots.
	block int
	slots [][]atomic.Int64

	clock    clock
	finished atomic.Bool
}

func (w *fanout) run() error {
	w.sender = newSender(w.publisher, w.Window, w.build)
	if w.Rate == 0 {
		w.sender.credit = w.Window
		w.sender.least = max(w.block, w.Window/32)
	} else {
		w.clock.start(len(w.receivers), w.Rate, w.meter.Warm+w.meter.Measure)
	}
	var wg sync.WaitGroup
	failed := make(chan error, 4)
	side := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil && !w.finished.Load() {
				failed <- fmt.Errorf("publisher: %w", err)
				w.abandon()
			}
		})
	}
	side(w.sender.run)
	side(w.readControl)
	if w.Rate > 0 {
		side(w.pace)
	}
	side(w.drain)
	err := w.meter.run(w.receivers, w.receive)
	w.finished.Store(true)
	w.abandon()
	wg.Wait()
	close(failed)
	if cause, ok := <-failed; ok {
		err = cause
	}
	if err == nil && w.Rate > 0 {
		w.meter.Result.P50, w.meter.Result.P99 = w.clock.percentiles()
	}
	return err
}

func (w *fanout) abandon() {
	w.meter.stop.Store(true)
	w.sender.end()
	w.publisher.nc.Close()
	closeAll(w.receivers)
}

// of returns the group and the number of the n-th message that is sent.
func (w *fanout) of(n uint32) message {
	groups := uint32(w.Groups)
	return message{uint16(n % groups), n / groups, w.Size}
}

func (w *fanout) build(dst []byte, seq uint32, n int) []byte {
	if n == 0 {
		return dst
	}
	start := len(dst)
	dst = w.publisher.codec.begin(dst)
	for i := range uint32(n) {
		if w.Rate > 0 {
			w.clock.sent(seq + i)
		}
		dst = w.publisher.codec.append(dst, w.of(seq+i))
	}
	return w.publisher.codec.seal(dst, start)
}

// readControl answers pings and the like that the server sends to the publisher.
func (w *fanout) readControl() error {
	for {
		if err := w.publisher.read(func([]byte) error { return errUnexpected }); err != nil {
			return err
		}
		w.sender.post(0, w.publisher.codec.control(false))
	}
}

// pace gives the publisher credit at the rate.
func (w *fanout) pace() error {
	start := time.Now()
	for n := 1; !w.meter.stop.Load(); n++ {
		w.sender.post(1, nil)
		time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(w.Rate))))
	}
	return nil
}

// drain waits after the last message until every receiver has all messages.
func (w *fanout) drain() error {
	for !w.meter.stop.Load() {
		time.Sleep(time.Millisecond)
	}
	sent := w.sender.end()
	deadline := time.Now().Add(w.meter.Drain)
	for i, c := range w.receivers {
		group, groups := uint32(i%w.Groups), uint32(w.Groups)
		want := uint64((sent + groups - 1 - group) / groups)
		for c.count.Load() != want {
			if time.Now().After(deadline) {
				return fmt.Errorf("receiver %d got %d messages of %d", i, c.count.Load(), want)
			}
			time.Sleep(time.Millisecond)
		}
	}
	w.finished.Store(true)
	closeAll(w.receivers)
	return nil
}

func (w *fanout) receive(i int, c *conn) error {
	r := &receiver{fanout: w, conn: c, index: i, group: uint16(i % w.Groups)}
	err := r.run()
	if w.finished.Load() {
		return nil
	}
	return fmt.Errorf("receiver %d: %w", i, err)
}

type receiver struct {
	*fanout
	*conn
	index int
	group uint16
	got   uint32
	now   int64
}

func (r *receiver) run() error {
	take := r.take
	slots := r.slots[r.group]
	block := uint32(r.block)
	for {
		before := r.got / block
		r.now = 0
		if err := r.read(take); err != nil {
			return err
		}
		r.count.Store(uint64(r.got))
		if err := r.write(r.codec.control(false)); err != nil {
			return err
		}
		if r.Rate > 0 {
			continue
		}
		credit := 0
		for b := before; b < r.got/block; b++ {
			slot := &slots[b%uint32(len(slots))]
			if slot.Add(1)%int64(r.Members) == 0 {
				credit += r.block
			}
		}
		r.sender.post(credit, nil)
	}
}

func (r *receiver) take(payload []byte) error {
	err := message{r.group, r.got, r.Size}.check(payload)
	if err == nil && r.Rate > 0 {
		if r.now == 0 {
			r.now = r.clock.now()
		}
		r.clock.received(r.index, r.got*uint32(r.Groups)+uint32(r.group), r.now, r.meter.measuring.Load())
	}
	r.got++
	return err
}
