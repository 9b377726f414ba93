//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// A resumer runs a program against a server, and keeps a model of what must be true.
type resumer struct {
	*world
	tight, drops bool
	s            *fuzzSession
	all          []*fuzzSession
	number       uint32 // of the last command of either side
	id           uint64 // of the last call or ping
	calling      sync.WaitGroup
	failed       kept[string] // faults on other goroutines

	mu        sync.Mutex // guards the fields below
	handled   map[*Conn][]uint32
	suspended map[*Conn]time.Time
	left      map[*Conn]time.Duration // how long a connection was suspended before
}

func newResumer(w *world, mode byte) *resumer {
	r := &resumer{
		world: w, tight: mode&modeTight != 0, drops: mode&modeDrop != 0,
		handled: make(map[*Conn][]uint32), suspended: make(map[*Conn]time.Time), left: make(map[*Conn]time.Duration),
	}
	r.handle(w.srv)
	w.srv.OnSuspend(func(c *Conn, _ error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.suspended[c] = time.Now()
	})
	w.srv.OnResume(func(c *Conn) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, ok := r.suspended[c]; !ok {
			r.failed.Add("resumed without having been suspended")
		}
		delete(r.suspended, c)
	})
	w.srv.OnLeave(func(c *Conn, _ error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, twice := r.left[c]; twice {
			r.failed.Add("left twice")
		}
		r.left[c] = 0
		if since, ok := r.suspended[c]; ok {
			r.left[c] = time.Since(since)
		}
	})
	w.serve()
	r.anew()
	return r
}

// handle registers the handlers of an end.
func (r *resumer) handle(to interface {
	OnBytes(string, func(context.Context, *Conn, []byte) error, ...HandlerOption)
	HandleBytes(string, func(context.Context, *Conn, []byte) ([]byte, error), ...HandlerOption)
	OnMessage(func(context.Context, *Conn, Frame) error, ...HandlerOption)
},
) {
	to.OnBytes("n", func(_ context.Context, c *Conn, b []byte) error { r.heard(c, b); return nil })
	to.OnBytes("slow", func(_ context.Context, c *Conn, b []byte) error {
		r.heard(c, b)
		time.Sleep(20 * time.Millisecond)
		return nil
	})
	to.OnMessage(func(_ context.Context, c *Conn, f Frame) error {
		if f.Kind == KindRaw {
			r.heard(c, f.Payload)
		}
		return nil
	})
	to.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
	to.HandleBytes("wait", func(ctx context.Context, _ *Conn, b []byte) ([]byte, error) {
		select {
		case <-time.After(time.Second):
			return b, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, Concurrent())
	to.HandleBytes("back", func(ctx context.Context, c *Conn, b []byte) ([]byte, error) {
		return c.CallBytes(ctx, "ask", b)
	})
}

func (r *resumer) heard(c *Conn, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handled[c] = append(r.handled[c], numberIn(payload))
}

func (r *resumer) handledOf(c *Conn) []uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.handled[c])
}

// dial sends a hello over a new stream.
func (r *resumer) dial(h *wire.Hello) *byHand {
	stream, err := r.lis.Dial(r.ctx)
	require.NoError(r.t, err)
	l := &byHand{stream: stream, out: wire.AppendHello([]byte(wire.Preface), h)}
	l.push()
	return l
}

// welcomed waits for the welcome.
func (r *resumer) welcomed(l *byHand) *wire.Welcome {
	for {
		f, ok, err := l.next()
		require.NoError(r.t, err)
		if ok {
			require.Equal(r.t, wire.KindWelcome, f.Kind)
			welcome, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(r.t, err)
			return welcome
		}
		require.True(r.t, l.pull(15*time.Second), "the server welcomes everybody")
		require.NotEmpty(r.t, l.in)
	}
}

func (r *resumer) hello() *wire.Hello {
	return &wire.Hello{Name: "ada", Resume: true, AckBytes: 4 << 10}
}

func (r *resumer) helloOf(s *fuzzSession, received uint64) *wire.Hello {
	h := r.hello()
	h.Session, h.Token, h.Received = s.id, s.tok, received
	return h
}

// anew joins anew.
func (r *resumer) anew() {
	l := r.dial(r.hello())
	r.begin(l, r.welcomed(l))
}

// begin begins a session that a server has welcomed.
func (r *resumer) begin(l *byHand, welcome *wire.Welcome) {
	require.False(r.t, welcome.Resumed)
	require.Zero(r.t, welcome.Received)
	require.Len(r.t, welcome.Token, session.TokenSize)
	id := binary.LittleEndian.Uint64(welcome.Session)
	for c := range r.srv.Clients() {
		if c.ID() == id {
			r.s = &fuzzSession{
				r: r, conn: c, id: welcome.Session, tok: welcome.Token, link: l,
				calls: make(map[uint64]fuzzCall), pinged: make(map[uint64]fuzzPing),
			}
			r.all = append(r.all, r.s)
			r.s.confirmed = true
			r.s.write(wire.AppendAck(nil, 0)) // the client has the token
			synctest.Wait()                   // the server knows that the client has it: else the session would end with this stream
			return
		}
	}
	require.Fail(r.t, "nobody has that session")
}

// comeBack comes back to a session over one stream, or several at once, and goes on with it. may:
// the server may resume the session. must: the server has to resume the session while it lives.
func (r *resumer) comeBack(streams int, received int, may, must bool) {
	s := r.s
	before := s.link
	alive := !s.conn.isEnded()
	must = must && alive && !s.lied && !r.tight
	var links []*byHand
	for range streams {
		links = append(links, r.dial(r.helloOf(s, uint64(received))))
	}
	var last *byHand
	var welcome *wire.Welcome
	if streams == 1 {
		last, welcome = links[0], r.welcomed(links[0])
	} else {
		last, welcome = r.lastOf(links)
	}
	if before != nil && welcome.Resumed {
		for before.pull(15 * time.Second) {
		}
		before.stream.Close() //nolint:errcheck // it is over
	}
	if !welcome.Resumed {
		require.False(r.t, must, "an honest client goes on with its session: it ended with %v", s.conn.Err())
		if before != nil {
			before.stream.Close() //nolint:errcheck // it is left behind
		}
		s.link = nil
		s.lied = true // the server may or may not keep it
		r.begin(last, welcome)
		return
	}
	require.True(r.t, may && alive, "nobody goes on with what cannot be")
	require.Equal(r.t, s.id, welcome.Session)
	require.Equal(r.t, s.tok, welcome.Token)
	require.GreaterOrEqual(r.t, welcome.Received, s.heard)
	require.LessOrEqual(r.t, welcome.Received, uint64(s.begun))
	for len(s.down) < received {
		s.down = append(s.down, nil)
		s.blind = true
	}
	s.link, s.cut, s.at, s.told, s.sure = last, false, received, received, received
	s.heard = welcome.Received
	clear(s.pinged)
	s.begun = int(welcome.Received)
	s.catchUp()
}

// lastOf returns the stream with which the server has gone on in the end. If it has resumed none,
// each has joined anew, and lastOf returns one of them.
func (r *resumer) lastOf(links []*byHand) (last *byHand, welcome *wire.Welcome) {
	time.Sleep(time.Second)
	synctest.Wait()
	for _, l := range links {
		if !l.pull(time.Microsecond) {
			l.stream.Close() //nolint:errcheck // it is over
			continue
		}
		next := r.welcomed(l)
		if last != nil {
			require.False(r.t, welcome.Resumed || next.Resumed, "one has the session")
			last.stream.Close() //nolint:errcheck // one is enough
		}
		last, welcome = l, next
	}
	require.NotNil(r.t, last, "one has the session")
	return last, welcome
}

// stranger joins with a hello for a session to which it has no right, and leaves.
func (r *resumer) stranger(h *wire.Hello, inOrder bool) {
	l := r.dial(h)
	welcome := r.welcomed(l)
	require.False(r.t, welcome.Resumed)
	require.NotEqual(r.t, r.s.tok, welcome.Token)
	if inOrder {
		l.out = wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed})
		l.push()
	}
	l.stream.Close() //nolint:errcheck // it leaves
}

// send lets the server send commands.
func (r *resumer) send(arg byte, send func(payload []byte) error) {
	for range arg%16 + 1 {
		s := r.s
		payload := counted(r.number+1, arg>>4)
		if !r.tight && s.size+len(payload) > 600<<10 {
			return // the server would not keep more
		}
		r.number++
		if s.conn.isEnded() {
			continue
		}
		err := send(payload)
		if err == nil {
			r.sent(s, r.number, len(payload))
		} else {
			require.True(r.t, r.tight, "%v", err)
			require.NotEqual(r.t, CodeNone, CodeOf(err))
		}
	}
}

// call calls the client, which may never answer.
func (r *resumer) call(arg byte) {
	r.number++
	c, payload := r.s.conn, counted(r.number, arg)
	r.calling.Go(func() {
		ctx := r.ctx
		if arg%4 == 3 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(arg)*time.Millisecond)
			defer cancel()
		}
		reply, err := c.CallBytes(ctx, "ask", payload)
		switch {
		case err == nil && string(reply) != string(payload):
			r.failed.Add("another answer")
		case err != nil && CodeOf(err) == CodeNone:
			r.failed.Add("no code: " + err.Error())
		}
	})
}

// moves lets the server's program change the groups or the name of the client.
func (r *resumer) moves(arg byte) {
	c, group := r.s.conn, "group "+strconv.Itoa(int(arg>>2&3))
	var err error
	switch arg % 3 {
	case 0:
		err = c.Join(r.ctx, group)
	case 1:
		err = c.Leave(r.ctx, group)
	case 2:
		err = c.Rename(r.ctx, group)
	}
	if err != nil && !c.isEnded() {
		require.Contains(r.t, []Code{CodeTooManyGroups, CodeSlowConsumer}, CodeOf(err))
	}
}

// finish lets an honest client come to its end, and then checks everything.
func (r *resumer) finish() {
	s := r.s
	for late := time.Now().Add(10 * time.Minute); s == r.s && !s.conn.isEnded() && time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
		if s.link == nil {
			r.comeBack(1, s.at, true, !s.blind)
			continue
		}
		r.answer()
		s.read(time.Second)
		s.acknowledge()
		if s.link != nil && s.begun == len(s.up) && len(s.link.out) == 0 && r.settled(s) {
			break
		}
	}
	if s == r.s && s.lives() && !s.lied && !s.blind {
		require.Len(r.t, r.handledOf(s.conn), len(s.numbers), "all that it has sent was handled")
		if !r.drops {
			require.Len(r.t, s.got, len(s.want), "it has got all that was sent")
		}
		for id, call := range s.calls {
			require.True(r.t, call.answers == 1 || call.canceled, "call %d", id)
		}
	}
	if r.s.link != nil && r.number%2 == 0 {
		r.s.write(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
	}
	for _, s := range r.all {
		if s.link != nil {
			s.link.stream.Close() //nolint:errcheck // it is over
		}
	}
	// Frames that have come are handled first. Calls to "wait" take a second each, and run one by
	// one if they fill the inbox.
	time.Sleep(fuzzResumeTime + 15*time.Second + time.Duration(r.id)*time.Second)
	synctest.Wait()
	require.Zero(r.t, r.srv.Len(), "all have left")
	r.calling.Wait()
	for _, s := range r.all {
		r.check(s)
	}
	require.Empty(r.t, r.failed.All())
	for _, line := range r.log.Lines() {
		require.NotContains(r.t, line, "panic")
	}
}

// check checks what must be true of each session, in whichever way it has ended.
func (r *resumer) check(s *fuzzSession) {
	handled := r.handled[s.conn]
	require.LessOrEqual(r.t, len(handled), len(s.numbers))
	require.True(r.t, slices.Equal(s.numbers[:len(handled)], handled), "once and in order: %v of %v", handled, s.numbers)
	switch {
	case s.blind:
	case r.drops:
		at := 0
		for _, n := range s.got {
			i := slices.Index(s.want[at:], n)
			require.GreaterOrEqual(r.t, i, 0, "in order")
			at += i + 1
		}
	default:
		require.LessOrEqual(r.t, len(s.got), len(s.want))
		require.True(r.t, slices.Equal(s.want[:len(s.got)], s.got), "once and in order: %v of %v", s.got, s.want)
	}
	require.True(r.t, s.conn.isEnded())
	code := CodeOf(s.conn.Err())
	require.NotEqual(r.t, CodeNone, code)
	if s.lied || r.tight {
		return
	}
	switch code {
	case CodeConnLost, CodeHeartbeat, CodeWriteTimeout:
		require.GreaterOrEqual(r.t, r.left[s.conn], fuzzResumeTime, "given up for %s before its time", code)
	}
}
