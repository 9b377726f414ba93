package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hisock/hisock/core"
)

// How many messages may be between NATS' client and the inbox, which takes them at once.
const pipeLen = 4096

// A node is a node of a cluster, with a connection to NATS of its own.
type node struct {
	options Options
	id      string
	subject string // of a topic: this and the topic
	client  atomic.Pointer[client]
	inbox   *inbox
	dead    graveyard

	pipe    chan *nats.Msg  // what comes on all topics, in order
	changed chan struct{}   // the connection has changed
	life    context.Context // ends with the node
	stop    context.CancelFunc
	stopped sync.WaitGroup // keep and pump
	sweeps  sync.WaitGroup // sweep, which may wait for NATS some seconds longer

	subscribing sync.Mutex                    // held while subscriptions change; taken before mu; guards topics
	topics      map[string]*nats.Subscription // topics that the node has subscribed to; nil if the connection was closed for good

	mu   sync.Mutex // guards the fields below
	up   bool
	cuts int   // how often the connection was lost
	why  error // why the node is down; nil if that is not known yet

	refused   bool     // NATS refuses what the node needs on this connection
	objection error    // what NATS has not allowed last on this connection
	denied    []string // subjects to which NATS has not allowed the node to publish, since it was up for the last time

	closed  bool
	lease   lease
	link    context.Context // ends when the node is cut off, with the cause
	unlink  context.CancelCauseFunc
	closing sync.Once
	giveUp  context.CancelFunc // ends the last requests of Close; nil before
	done    chan struct{}      // closed when the node has ended
	endErr  error              // what was given up at the end; read after done
}

// join connects a node.
func join(ctx context.Context, o Options, id string, h core.RelayHandler) (*node, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	n := &node{
		options: o,
		id:      id,
		subject: o.Prefix + ".",
		pipe:    make(chan *nats.Msg, pipeLen),
		changed: make(chan struct{}, 1),
		done:    make(chan struct{}),
		topics:  make(map[string]*nats.Subscription),
		lease:   newLease(id),
	}
	n.life, n.stop = context.WithCancel(context.Background())
	n.link, n.unlink = context.WithCancelCause(n.life)
	n.unlink(ErrDown)
	n.inbox = newInbox(h, o.MaxPending)
	c, err := n.connect(ctx)
	if err != nil {
		n.inbox.close()
		return nil, err
	}
	n.client.Store(c)
	n.stopped.Go(n.pump)
	n.stopped.Go(n.keep)
	return n, nil
}

// A client is a connection, which NATS' client keeps up by itself until it closes it for good.
type client struct {
	conn  *nats.Conn
	store *bucket
}

func (n *node) nats() *nats.Conn { return n.client.Load().conn }
func (n *node) store() *bucket   { return n.client.Load().store }

// connect makes a connection. If no server can be reached it succeeds all the same, and the connection goes on trying.
func (n *node) connect(ctx context.Context) (*client, error) {
	lease := n.options.Lease
	opts := nats.GetDefaultOptions()
	opts.Name = "hisock " + n.id
	for _, set := range n.options.NATS {
		if err := set(&opts); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOptions, err)
		}
	}
	opts.Servers = n.options.Servers
	opts.NoEcho = true
	opts.AllowReconnect = true
	opts.MaxReconnect = -1
	opts.ReconnectWait = min(lease/10, time.Second)
	opts.ReconnectJitter = opts.ReconnectWait
	opts.ReconnectBufSize = -1 // what cannot be sent at once fails
	opts.IgnoreAuthErrorAbort = true
	opts.PingInterval = lease / 4
	opts.MaxPingsOut = 1
	opts.FlusherTimeout = lease / 3
	opts.Timeout = lease / 3
	opts.DisconnectedErrCB = func(c *nats.Conn, err error) {
		if err == nil {
			err = c.LastError() // the client has closed the connection
		}
		n.lost(err)
	}
	opts.ReconnectedCB = func(*nats.Conn) { n.look() }
	opts.AsyncErrorCB = func(_ *nats.Conn, sub *nats.Subscription, err error) {
		switch {
		case errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrMaxSubscriptionsExceeded):
			n.object(err)
		case sub != nil && errors.Is(err, nats.ErrSlowConsumer):
			n.inbox.lose(1)
		}
	}
	opts.ClosedCB = func(*nats.Conn) { n.look() }
	opts.ConnectedCB = func(*nats.Conn) { n.look() }
	conn, err := attempt(ctx, opts, n.options.MaxPayload)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &client{conn: conn, store: newBucket(js, n.options.Prefix, n.options.Replicas)}, nil
}

// lost notes that the connection was lost.
func (n *node) lost(err error) {
	if err == nil {
		err = ErrDown
	} else {
		err = fmt.Errorf("%w: %w", ErrDown, err)
	}
	n.mu.Lock()
	n.cuts++
	n.refused, n.objection = false, nil
	if n.up {
		n.why = err
	}
	n.lease.until = time.Time{} // NATS may have lost it meanwhile
	if n.giveUp != nil {
		n.giveUp()
	}
	n.downLocked()
	n.mu.Unlock()
	n.look()
}

// downLocked tells the handler that the node is cut off, if it was not.
func (n *node) downLocked() {
	if !n.up {
		return
	}
	n.up = false
	n.unlink(n.why)
	n.inbox.tell(event{kind: wentDown, why: n.why})
}

// look wakes the keeper.
func (n *node) look() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// keep tells the handler when the node is up, and renews the lease.
func (n *node) keep() {
	third := n.options.Lease / 3
	timer := time.NewTimer(0)
	defer timer.Stop()
	sweep := time.NewTimer(sweepLater())
	defer sweep.Stop()
	for {
		select {
		case <-n.life.Done():
			return
		case <-n.changed:
		case <-timer.C:
			n.retry(third)
		case <-sweep.C:
			n.sweeps.Go(func() {
				ctx, end := context.WithTimeout(n.life, sweepEvery)
				defer end()
				n.sweepInTurn(ctx) //nolint:errcheck // another node, or the next time
				sweep.Reset(sweepLater())
			})
			continue
		}
		next := third
		if n.nats().IsClosed() || n.nats().IsConnected() && !n.check(third) {
			next = third / 4
		}
		timer.Reset(next)
	}
}

// check renews the lease, and tells the handler that the node is up if it was not. It returns false if that should be tried again soon.
func (n *node) check(patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(n.life, patience)
	defer cancel()
	n.mu.Lock()
	cuts, up := n.cuts, n.up
	n.mu.Unlock()
	renewed := n.renew(ctx) == nil
	if up {
		return renewed
	}
	// Without JetStream the node can still publish, so it is up. But the server must have the subscriptions.
	flush, cancelFlush := context.WithTimeout(n.life, patience)
	defer cancelFlush()
	denied := n.tryDenied()
	if n.nats().FlushWithContext(flush) != nil {
		return false
	}
	if why := n.unfit(); why != nil {
		n.refuse(why)
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.up || n.refused || n.cuts != cuts {
		return false
	}
	n.up, n.why = true, nil
	n.denied = n.denied[denied:] // NATS allows them now
	n.link, n.unlink = context.WithCancelCause(n.life)
	n.inbox.tell(event{kind: wentUp})
	return renewed
}

// pump moves messages from NATS' client to the inbox.
func (n *node) pump() {
	for {
		select {
		case <-n.life.Done():
			return
		case m := <-n.pipe:
			if len(m.Subject) > len(n.subject) && !isTrial(m) {
				n.inbox.message(m.Subject[len(n.subject):], m.Data)
			}
		}
	}
}

// Publish implements [core.RelayNode].
func (n *node) Publish(batch []core.RelayMessage) (sent int, err error) {
	if err := n.canPublish(); err != nil {
		return 0, err
	}
	for i := range batch {
		m := &batch[i]
		if len(m.Payload) > n.options.MaxPayload {
			return i, ErrTooLong
		}
		if err := n.nats().Publish(n.subject+m.Topic, m.Payload); err != nil {
			return i, fmt.Errorf("%w: %w", ErrDown, err)
		}
	}
	return len(batch), nil
}

func (n *node) canPublish() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return ErrClosed
	case !n.up:
		return n.cutOffLocked()
	}
	return nil
}

// Subscribe implements [core.RelayNode].
func (n *node) Subscribe(topic string) error {
	if n.isClosed() {
		return ErrClosed
	}
	n.subscribing.Lock()
	defer n.subscribing.Unlock()
	if _, has := n.topics[topic]; has {
		return nil
	}
	sub, err := n.nats().ChanSubscribe(n.subject+topic, n.pipe)
	if err != nil && n.isClosed() {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	n.topics[topic] = sub
	return nil
}

// Unsubscribe implements [core.RelayNode].
func (n *node) Unsubscribe(topic string) error {
	if n.isClosed() {
		return ErrClosed
	}
	n.subscribing.Lock()
	defer n.subscribing.Unlock()
	sub := n.topics[topic]
	delete(n.topics, topic)
	if sub == nil {
		return nil
	}
	if err := sub.Unsubscribe(); err != nil && n.isClosed() {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

func (n *node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// MaxPayload implements [core.RelayNode].
func (n *node) MaxPayload() int { return n.options.MaxPayload }

// Lease implements [core.RelayNode].
func (n *node) Lease() time.Duration { return n.options.Lease }

// Close implements [core.RelayNode].
func (n *node) Close(ctx context.Context) error {
	n.closing.Do(func() {
		n.mu.Lock()
		n.closed = true
		n.unlink(ErrClosed)
		n.mu.Unlock()
		n.stop()
		n.inbox.close()
		go func() {
			n.endErr = n.end(ctx)
			close(n.done)
		}()
	})
	select {
	case <-n.done:
		return n.endErr
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end ends the lease and the connection. NATS' client may hold it up for as long as a write waits for the network.
func (n *node) end(ctx context.Context) (err error) {
	n.stopped.Wait()
	last, cancel := context.WithTimeout(ctx, n.options.Lease)
	n.mu.Lock()
	n.giveUp = cancel
	n.mu.Unlock()
	if n.nats().IsConnected() {
		err = errors.Join(n.nats().FlushWithContext(last), n.endLease(last))
	}
	cancel()
	n.nats().Close()
	n.sweeps.Wait()
	select {
	case <-n.inbox.ended:
	case <-ctx.Done():
		err = errors.Join(err, context.Cause(ctx))
	}
	return err
}
