//go:build !js

package core

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// FuzzResumeClient runs a program of operations of a lying server. While its session lives, a
// client handles every command once and in order, and sends every command once and in order. A lie
// ends in a typed error. In the end nothing is left. The operations are the operations of
// FuzzResume with the ends exchanged, except that opForge refuses the client.
func FuzzResumeClient(f *testing.F) {
	for _, seed := range resumeSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		mode, steps := stepsOf(data, int(resumeOps))
		t.Logf("mode %d: %v", mode, steps)
		synctest.Test(t, func(t *testing.T) {
			l := newLiar(t, mode)
			defer l.cl.Close() //nolint:errcheck // nothing to be done about it
			for _, s := range steps {
				l.do(s)
				synctest.Wait()
			}
			l.finish()
		})
	})
}

// A liar runs a program against a client, and keeps a model of what must be true. Its session is
// nil while the client has none.
type liar struct {
	*resumer
	cl     *Client
	dials  chan transport.Conn
	states kept[State]
	names  int
	called map[*Conn]string          // the last name that the client's program has been told; guarded by mu
	within map[*Conn]map[string]bool // the groups in which the client is, as its program has been told; guarded by mu
}

// Dial is how the client reaches the server by hand.
func (l *liar) Dial(ctx context.Context) (transport.Conn, error) {
	near, far := transport.Pipe()
	select {
	case l.dials <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newLiar(t *testing.T, mode byte) *liar {
	log := &coretest.Log{}
	l := &liar{
		resumer: &resumer{
			world: &world{t: t, ctx: t.Context(), log: log}, tight: mode&modeTight != 0,
			handled: make(map[*Conn][]uint32),
		},
		dials: make(chan transport.Conn, 8), called: make(map[*Conn]string), within: make(map[*Conn]map[string]bool),
	}
	opts := &ClientOptions{
		Name: "ada", Codec: testCodec{}, Logger: log, InboxBytes: 1 << 10, MaxConcurrent: 2,
		Retry: Retry{Min: 10 * time.Millisecond, Max: time.Second},
	}
	if l.tight {
		opts.QueueBytes = 4 << 10
	}
	l.cl = newTestClient(l, opts)
	l.handle(l.cl)
	l.follow()
	l.cl.OnState(func(s State, why error) {
		l.states.Add(s)
		if why != nil && CodeOf(why) == CodeNone {
			l.failed.Add("no code: " + why.Error())
		}
	})
	l.connect()
	l.meet(func(*wire.Hello) []byte { return l.welcome(false, 0) })
	return l
}

// follow checks that the client's program is told of each change once and in order.
func (l *liar) follow() {
	l.cl.OnRename(func(c *Conn, old, name string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if last, ok := l.called[c]; ok && last != old || !ok && old != "ada" || old == name {
			l.failed.Add("told of " + old + " to " + name + " after " + last)
		}
		l.called[c] = name
	})
	member := func(in bool) func(c *Conn, group string) {
		return func(c *Conn, group string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.within[c] == nil {
				l.within[c] = make(map[string]bool)
			}
			if l.within[c][group] == in {
				l.failed.Add("told twice of " + group)
			}
			l.within[c][group] = in
		}
	}
	l.cl.OnJoinGroup(member(true))
	l.cl.OnLeaveGroup(member(false))
}

// checkFollowed checks that the client's program has been told of all changes.
func (l *liar) checkFollowed(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name, ok := l.called[c]; ok {
		require.Equal(l.t, c.Name(), name)
	} else {
		require.Equal(l.t, "ada", c.Name())
	}
	for group, in := range l.within[c] {
		require.Equal(l.t, c.InGroup(group), in, group)
	}
}

func (l *liar) connect() {
	l.calling.Go(func() {
		if err := l.cl.Connect(l.ctx); err != nil && CodeOf(err) == CodeNone {
			l.failed.Add("no code: " + err.Error())
		}
	})
	synctest.Wait()
}

// welcome returns a welcome to a new session, or to the session that is resumed.
func (l *liar) welcome(resumed bool, received int) []byte {
	l.names++
	w := &wire.Welcome{Session: session.MakeID(0, uint64(l.names)), Token: []byte(strings.Repeat("t", 15) + string(rune('a'+l.names%26)))}
	if resumed {
		w = &wire.Welcome{Session: l.s.id, Token: l.s.tok}
	}
	w.Name, w.Heartbeat, w.AckBytes = "ada", 5*time.Second, 4<<10
	w.Resumed, w.Received = resumed, uint64(received)
	return wire.AppendWelcome(nil, w)
}

// meet waits until the client comes, if it does, and answers its hello. A session that begins
// becomes the session of l. It reports whether the client came.
func (l *liar) meet(answer func(h *wire.Hello) []byte) bool {
	var h byHand
	select {
	case h.stream = <-l.dials:
	case <-time.After(5 * time.Second):
		return false
	}
	hello := l.hear(&h)
	if hello == nil { // it has given up
		h.stream.Close() //nolint:errcheck // it is over
		return false
	}
	s, before := l.s, l.cl.Conn()
	back := len(hello.Token) > 0
	if back && s != nil && string(hello.Token) == string(s.tok) {
		require.Equal(l.t, s.id, hello.Session)
		require.GreaterOrEqual(l.t, hello.Received, s.heard, "it has said that it has more")
		require.LessOrEqual(l.t, hello.Received, uint64(s.begun))
		s.heard, s.begun = hello.Received, int(hello.Received)
	}
	if s != nil && s.link != nil {
		s.lose()
	}
	h.out = answer(hello)
	resumed := back && l.says(h.out)
	if !h.push() { // it has given up
		h.stream.Close() //nolint:errcheck // it is over
		return false
	}
	synctest.Wait()
	switch c := l.cl.Conn(); {
	case resumed:
		s.link, s.confirmed = &h, true
		clear(s.pinged)
	case c != before && c != nil:
		l.s = &fuzzSession{
			r: l.resumer, conn: c, id: c.sess.ID(), tok: c.sess.Token(), link: &h,
			calls: make(map[uint64]fuzzCall), pinged: make(map[uint64]fuzzPing),
		}
		l.all = append(l.all, l.s)
	default:
		h.stream.Close() //nolint:errcheck // it was not to be
	}
	return true
}

// says reports whether an answer resumes a session.
func (l *liar) says(answer []byte) bool {
	f, _, ok, err := wire.Next(answer, 0)
	if err != nil || !ok || f.Kind != wire.KindWelcome {
		return false
	}
	w, err := wire.ParseWelcome(f.Body, nil)
	return err == nil && w.Resumed
}

// hear reads a hello, or returns nil if it does not come.
func (l *liar) hear(h *byHand) *wire.Hello {
	h.pull(time.Second)
	if len(h.in) < len(wire.Preface) {
		return nil
	}
	require.Equal(l.t, wire.Preface, string(h.in[:len(wire.Preface)]))
	h.in = h.in[len(wire.Preface):]
	f, ok, err := h.next()
	require.NoError(l.t, err)
	require.True(l.t, ok)
	hello, err := wire.ParseHello(f.Body, nil)
	require.NoError(l.t, err)
	return hello
}

// finish lets an honest server and its client come to their end, and then checks everything.
func (l *liar) finish() {
	s, settled := l.s, false
	for late := time.Now().Add(10 * time.Minute); s != nil && s == l.s && !s.conn.isEnded() && time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
		if s.link == nil || s.conn.Suspended() {
			l.resumes(s.at, false)
			continue
		}
		l.answer()
		s.read(time.Second)
		s.acknowledge()
		if settled = s.link != nil && s.begun == len(s.up) && len(s.link.out) == 0 && l.settled(s); settled {
			break
		}
	}
	if s != nil && s == l.s && s.lives() && !s.lied && !s.blind {
		require.Len(l.t, l.handledOf(s.conn), len(s.numbers), "all that was sent to it was handled")
		require.Len(l.t, s.got, len(s.want), "all that it has sent has come")
		time.Sleep(time.Second) // a slow handler keeps events waiting
		if !s.conn.isEnded() && !s.conn.Suspended() {
			l.checkFollowed(s.conn)
		}
		for id, call := range s.calls {
			require.True(l.t, call.answers == 1 || call.canceled, "call %d", id)
		}
	}
	l.close(s, settled && s.lives() && !s.lied && !s.blind)
	for {
		select {
		case far := <-l.dials:
			far.Close() //nolint:errcheck // it is over
			continue
		case <-l.cl.Done():
		}
		break
	}
	l.calling.Wait()
	for _, s := range l.all {
		l.check(s)
	}
	require.Empty(l.t, l.failed.All())
	l.checkStates()
	for _, line := range l.log.Lines() {
		require.NotContains(l.t, line, "panic")
	}
}

// close closes the client. Close returns no error if the server has acknowledged all that was sent: the link may have
// broken off, or the server hears the client to the end. Close returns no error either if the connection has ended
// before. Otherwise it may say that messages are lost.
func (l *liar) close(s *fuzzSession, acknowledged bool) {
	synctest.Wait() // the client has read the last ack
	c := l.cl.Conn()
	ended := c == nil || c.isEnded()
	hears := acknowledged && l.number%2 == 0
	if s != nil && s.link != nil && !hears {
		s.lose()
	}
	closed := make(chan error, 1)
	go func() { closed <- l.cl.Close() }()
	if hears {
		for late := time.Now().Add(time.Minute); s.link != nil && s.bye == nil && time.Now().Before(late); {
			s.read(time.Second)
		}
		require.NotNil(l.t, s.bye, "it says goodbye")
		require.Equal(l.t, CodeClosed.String(), s.bye.Code.String())
		if s.link != nil { // else the client has closed its side
			s.lose()
		}
	}
	err := <-closed
	switch {
	case acknowledged || ended:
		require.NoError(l.t, err)
	case err != nil:
		require.Equal(l.t, CodeConnLost.String(), CodeOf(err).String())
	}
}

// check checks what must be true of each session, in whichever way it has ended.
func (l *liar) check(s *fuzzSession) {
	handled := l.handled[s.conn]
	require.LessOrEqual(l.t, len(handled), len(s.numbers))
	require.True(l.t, slices.Equal(s.numbers[:len(handled)], handled), "once and in order: %v of %v", handled, s.numbers)
	if !s.blind {
		require.LessOrEqual(l.t, len(s.got), len(s.want))
		require.True(l.t, slices.Equal(s.want[:len(s.got)], s.got), "once and in order: %v of %v", s.got, s.want)
	}
	require.True(l.t, s.conn.isEnded())
	require.NotEqual(l.t, CodeNone, CodeOf(s.conn.Err()))
}

// checkStates checks that each state that the program was told may follow the state before.
func (l *liar) checkStates() {
	after := map[State][]State{
		StateConnected:    {0, StateReconnecting, StateDisconnected},
		StateReconnecting: {StateConnected, StateResumed, StateDisconnected},
		StateResumed:      {StateReconnecting},
		StateDisconnected: {StateConnected, StateResumed, StateReconnecting},
	}
	last := State(0)
	for _, s := range l.states.All() {
		require.Contains(l.t, after[s], last, "%s after %s", s, last)
		last = s
	}
}
