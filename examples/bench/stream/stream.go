// Package stream is the part of the benchmark that measures streams: a server sends items, or bytes, and the
// contestant's own client takes them. Each contestant holds a fast sender back in its own way.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hisock/hisock/examples/bench/items"
	"github.com/hisock/hisock/examples/bench/proc"
)

// A client is a connection to a contestant's server.
type client interface {
	// items has the server send items of a size, and calls got with each until got fails or ctx ends. Then it returns. The item is valid until
	// got returns.
	items(ctx context.Context, size int, got func(item []byte) error) error

	// bytes has the server send n bytes, and writes them to w.
	bytes(ctx context.Context, n int64, w io.Writer) error

	close() error
}

var openers = map[string]func(addr string) (client, error){
	"by hand":      openHand,
	"hisock/tcp":   openTCP,
	"hisock/ws":    openWS,
	"commands/tcp": openCommandsTCP,
	"commands/ws":  openCommandsWS,
	"grpc":         openGRPC,
	"nats.go":      openNATS,
}

func open(name, addr string) (client, error) {
	f := openers[name]
	if f == nil {
		return nil, fmt.Errorf("stream: no client %q", name)
	}
	c, err := f(addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// A Result has the figures of a run with items.
type Result struct {
	Items     uint64 // items that came in Elapsed
	Elapsed   time.Duration
	ServerCPU time.Duration // processor time of the server in Elapsed
	ClientCPU time.Duration // processor time of this process in Elapsed
}

const defaultPatience = 20 * time.Second

// patience is the time that the first item may take. Only tests change it.
var patience = defaultPatience

var errOver = errors.New("the measurement is over")

// Items takes items of a size, first for a time that does not count and then for the measurement. It checks each
// item. cpu returns the processor time of the server.
func Items(name, addr string, size int, warm, measure time.Duration, cpu func() (time.Duration, error)) (r Result, err error) {
	c, err := open(name, addr)
	if err != nil {
		return r, err
	}
	defer c.close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var n uint64 // items so far
	var count atomic.Uint64
	var over atomic.Bool
	ring := items.NewRing(size)
	ended := make(chan error, 1)
	go func() {
		ended <- c.items(ctx, size, func(item []byte) error {
			if err := ring.Check(n, item); err != nil {
				return err
			}
			n++
			count.Store(n)
			if over.Load() {
				return errOver
			}
			return nil
		})
	}()
	wait := func(d time.Duration) error {
		select {
		case err := <-ended:
			return fmt.Errorf("%s: after %d items: %w", name, count.Load(), errors.Join(err, errors.New("it has ended early")))
		case <-time.After(d):
			return nil
		}
	}
	if err := wait(warm); err != nil {
		return r, err
	}
	server, err := cpu()
	if err != nil {
		return r, err
	}
	begin, own, before := time.Now(), cpuTime(), count.Load()
	if err := wait(measure); err != nil {
		return r, err
	}
	// At least one item must come, however slow the machine is.
	for limit := time.Now().Add(patience); count.Load() == before && time.Now().Before(limit); {
		if err := wait(time.Millisecond); err != nil {
			return r, err
		}
	}
	r.Items = count.Load() - before
	r.ClientCPU = cpuTime() - own
	r.Elapsed = time.Since(begin)
	after, err := cpu()
	if err != nil {
		return r, err
	}
	r.ServerCPU = after - server
	if r.Items == 0 {
		return r, fmt.Errorf("%s: no item came", name)
	}
	over.Store(true)
	select {
	case err = <-ended:
	case <-time.After(patience):
		cancel()
		err = errors.New("it does not end")
	}
	if errors.Is(err, errOver) {
		return r, nil
	}
	return r, fmt.Errorf("%s: at the end, after %d items: %w", name, count.Load(), err)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A Fetched has the figures of fetched bytes.
type Fetched struct {
	Elapsed    time.Duration
	Idle, Peak uint64 // resident memory of this process, in bytes: before, when the client was connected, and at most; 0 if the system does not say it
}

// Fetch fetches n bytes and checks them. It calls ready once the client is connected.
func Fetch(name, addr string, n int64, ready func() error) (f Fetched, err error) {
	c, err := open(name, addr)
	if err != nil {
		return f, err
	}
	defer c.close()
	if err := ready(); err != nil {
		return f, err
	}
	var sum items.Sum
	f.Idle = proc.Idle()
	begin := time.Now()
	err = c.bytes(context.Background(), n, &sum)
	f.Elapsed = time.Since(begin)
	f.Peak = proc.Peak()
	if err == nil {
		err = sum.Matches(n)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return f, err
}
