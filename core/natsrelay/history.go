package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hisock/hisock/core"
)

// HistoryOptions are options of a [History]. The zero value of each field, except Servers, means its default.
type HistoryOptions struct {
	// Servers, Prefix and NATS are as in [Options].
	Servers []string
	Prefix  string
	NATS    []nats.Option

	// Replicas is how many servers of NATS hold the messages: 1, 3 or 5. It takes effect when the first server opens the store, as do
	// MaxAge, MaxBytes and Memory. The default is 1; a cluster of NATS should have 3.
	Replicas int

	// MaxAge is how long messages are kept. A group whose messages have all become too old begins anew: with the next message its members
	// are told that something may be lost. The default is no bound.
	MaxAge time.Duration

	// MaxBytes bounds all messages of all groups, in bytes; the oldest are dropped, as with MaxAge. The default is 256 MiB.
	MaxBytes int64

	// Memory keeps the messages in the memory of NATS, so that they end with it. The default is files.
	Memory bool

	// MaxPayload is the greatest payload of a message of NATS, in bytes, as in [Options].
	MaxPayload int
}

// A History keeps messages to groups in a stream of NATS. It is a [core.HistoryStore], safe for concurrent use, and holds no connection
// itself: each server has one.
type History struct {
	options HistoryOptions
}

var _ core.HistoryStore = (*History)(nil)

// NewHistory returns a store with these options. It does not connect; an error wraps [ErrOptions].
func NewHistory(o HistoryOptions) (*History, error) {
	r, err := New(Options{Servers: o.Servers, Prefix: o.Prefix, Replicas: o.Replicas, MaxPayload: o.MaxPayload, NATS: o.NATS})
	switch {
	case err != nil:
		return nil, err
	case o.MaxAge < 0 || o.MaxAge > 0 && o.MaxAge < time.Second:
		return nil, fmt.Errorf("%w: a MaxAge of %v is too short", ErrOptions, o.MaxAge)
	case o.MaxBytes < 0 || o.MaxBytes > 0 && o.MaxBytes < minPending:
		return nil, fmt.Errorf("%w: MaxBytes is below %d", ErrOptions, minPending)
	case o.MaxBytes == 0:
		o.MaxBytes = 256 << 20
	}
	o.Prefix, o.Replicas, o.MaxPayload = r.options.Prefix, r.options.Replicas, r.options.MaxPayload
	return &History{options: o}, nil
}

// Open implements [core.HistoryStore]. It fails if NATS refuses the credentials, or allows no payloads of MaxPayload.
func (s *History) Open(ctx context.Context, node string, keep core.HistoryRules, h core.HistoryHandler) (core.HistoryLog, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	l := &historyLog{
		options: s.options, keep: keep, h: h,
		stored: s.options.Prefix + ".history.kept.", told: s.options.Prefix + ".history.told.",
		pipe: make(chan *nats.Msg, pipeLen), lost: make(chan struct{}, 1),
		subs: make(map[string]*nats.Subscription), heads: make(map[string]head), done: make(map[string]progress),
	}
	l.blockMost = min(max(keep.Messages/4, 4), blockMost)
	l.node, l.dead = node, make(chan struct{}, 1)
	l.life, l.stop = context.WithCancelCause(context.Background())
	via, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	l.via.Store(via)
	l.running.Go(l.pump)
	return l, nil
}

// How long NATS may be silent before the connection is given up, and how long a request may take.
const (
	historyPing    = 4 * time.Second
	historyRequest = 5 * time.Second
)

// A historyLog is the way of one server to its store, with a connection of its own.
type historyLog struct {
	options HistoryOptions
	keep    core.HistoryRules
	h       core.HistoryHandler
	stored  string // the subject of a group in the stream: this and the group
	told    string // the subject that NATS tells of what was appended on: this and the group
	node    string
	via     atomic.Pointer[connected]
	dead    chan struct{}  // has an element when NATS' client may have closed the connection for good
	pipe    chan *nats.Msg // what was told, in order
	lost    chan struct{}  // has an element when something that was told may be lost
	life    context.Context
	stop    context.CancelCauseFunc
	running sync.WaitGroup
	closing sync.Once
	ended   chan struct{}

	blockMost int // messages in a block: a part of what is kept, since NATS counts blocks

	done map[string]progress // by group; only the caller of Append uses it
	gone forgetting          // only the caller of Forget uses it

	mu     sync.Mutex // guards the fields below
	made   bool       // the stream is there, as far as is known
	closed bool
	subs   map[string]*nats.Subscription
	heads  map[string]head // by group; some of those that were used
}

// A connected is a connection, which NATS' client keeps up by itself until it closes it for good.
type connected struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

func (l *historyLog) conn() *nats.Conn { return l.via.Load().conn }

// renew makes another connection, with all subscriptions, if the client of NATS has closed the present one for good. Only pump calls it.
func (l *historyLog) renew() {
	if !l.conn().IsClosed() || l.life.Err() != nil {
		return
	}
	via, err := l.connect(l.life)
	if err != nil {
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-t.C:
			l.died()
		case <-l.life.Done():
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.via.Store(via)
	l.made = false
	for group := range l.subs {
		if l.subs[group], err = via.conn.ChanSubscribe(l.told+group, l.pipe); err != nil { // it has been closed again, and all begins anew
			l.died()
		}
	}
	l.lose()
}

// died has pump look at the connection.
func (l *historyLog) died() {
	select {
	case l.dead <- struct{}{}:
	default:
	}
}

// connect makes a connection. If no server can be reached it succeeds all the same, and the connection goes on trying.
func (l *historyLog) connect(ctx context.Context) (*connected, error) {
	opts := nats.GetDefaultOptions()
	opts.Name = "hisock history " + l.node
	for _, set := range l.options.NATS {
		if err := set(&opts); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOptions, err)
		}
	}
	opts.Servers = l.options.Servers
	opts.AllowReconnect = true
	opts.MaxReconnect = -1
	opts.ReconnectWait = time.Second / 2
	opts.ReconnectJitter = opts.ReconnectWait
	opts.ReconnectBufSize = -1 // what cannot be sent at once fails
	opts.IgnoreAuthErrorAbort = true
	opts.PingInterval = historyPing
	opts.MaxPingsOut = 1
	opts.Timeout = historyRequest
	opts.DisconnectedErrCB = func(*nats.Conn, error) { l.forget() }
	opts.ReconnectedCB = func(*nats.Conn) { l.lose() }
	opts.AsyncErrorCB = func(_ *nats.Conn, sub *nats.Subscription, err error) {
		if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
			l.lose()
		}
	}
	opts.ClosedCB = func(*nats.Conn) { l.died() }
	opts.ConnectedCB = nil
	conn, err := attempt(ctx, opts, l.options.MaxPayload)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &connected{conn, js}, nil
}

// lose notes that something that was told may be lost.
func (l *historyLog) lose() {
	select {
	case l.lost <- struct{}{}:
	default:
	}
}

// forget makes the next operation look for the stream.
func (l *historyLog) forget() {
	l.mu.Lock()
	l.made = false
	l.mu.Unlock()
}

// streamName is the name of the stream.
func (l *historyLog) streamName() string {
	return "HISTORY_" + strings.NewReplacer(".", "_-", "_", "__").Replace(l.options.Prefix)
}

// ready makes the stream if there is none.
func (l *historyLog) ready(ctx context.Context) error {
	l.mu.Lock()
	made, closed := l.made, l.closed
	l.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case made:
		return context.Cause(ctx)
	}
	storage := jetstream.FileStorage
	if l.options.Memory {
		storage = jetstream.MemoryStorage
	}
	most := int64(l.keep.Messages) + spareBlocks
	stream, err := l.via.Load().js.Stream(ctx, l.streamName())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = l.via.Load().js.CreateStream(ctx, jetstream.StreamConfig{
			Name:              l.streamName(),
			Description:       "messages to groups of hisock servers",
			Subjects:          []string{l.stored + "*"},
			Storage:           storage,
			Replicas:          l.options.Replicas,
			MaxAge:            l.options.MaxAge,
			MaxBytes:          l.options.MaxBytes,
			MaxMsgsPerSubject: most,
			Discard:           jetstream.DiscardOld,
			AllowDirect:       true,
			RePublish:         &jetstream.RePublish{Source: l.stored + "*", Destination: l.told + "{{wildcard(1)}}"},
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another server was faster
			stream, err = l.via.Load().js.Stream(ctx, l.streamName())
		}
	}
	if err == nil && stream.CachedInfo().Config.MaxMsgsPerSubject < most { // another server keeps less
		config := stream.CachedInfo().Config
		config.MaxMsgsPerSubject = most
		_, err = l.via.Load().js.UpdateStream(ctx, config)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.made = true
	l.mu.Unlock()
	return nil
}

// during returns a context that also ends when the log is closed.
func (l *historyLog) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(l.life, func() { cancel(context.Cause(l.life)) })
	return ctx, func() {
		unhook()
		cancel(nil)
	}
}

// explain returns why an operation has failed, and makes the next one look for the stream: it may have gone.
func (l *historyLog) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	l.forget()
	if why := context.Cause(ctx); why != nil {
		return why
	}
	if !l.conn().IsConnected() {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	return err
}

// MaxMessage implements [core.HistoryLog].
func (l *historyLog) MaxMessage() int { return l.options.MaxPayload - blockOverhead }

// Follow implements [core.HistoryLog].
func (l *historyLog) Follow(group string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.subs[group] != nil:
		return nil
	}
	sub, err := l.conn().ChanSubscribe(l.told+group, l.pipe)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	l.subs[group] = sub
	return nil
}

// Unfollow implements [core.HistoryLog].
func (l *historyLog) Unfollow(group string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	sub := l.subs[group]
	delete(l.subs, group)
	if sub != nil {
		sub.Unsubscribe() //nolint:errcheck // it is cut off, and forgets it
	}
	return nil
}

// pump tells the handler what was appended.
func (l *historyLog) pump() {
	for {
		select {
		case <-l.life.Done():
			return
		case <-l.dead:
			l.renew()
		case <-l.lost:
			l.h.Missed()
		case m := <-l.pipe:
			if len(m.Subject) <= len(l.told) {
				continue
			}
			group := m.Subject[len(l.told):]
			b, ok := parseBlock(m.Data)
			if !ok {
				continue
			}
			if seq := sequenceOf(m.Header); seq > 0 {
				l.sawHead(group, b.head(seq))
			}
			if len(b.messages) > 0 || b.forgotten == b.first {
				l.h.Appended(group, core.HistoryPart{Epoch: b.epoch, First: b.first, Messages: b.messages, Forgotten: b.forgotten})
			}
		}
	}
}

// Close implements [core.HistoryLog].
func (l *historyLog) Close(ctx context.Context) error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.stop(ErrClosed)
		l.ended = make(chan struct{})
		go func() {
			l.running.Wait()
			l.conn().Close()
			close(l.ended)
		}()
	})
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
