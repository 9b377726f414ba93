package core

import "github.com/hisock/hisock/core/internal/session"

// Writing a connection, as its outbox asks for: an [outbox.Owner].
type outboxOwner Conn

// Enter counts a writer, unless the last goroutine of the connection has left.
func (w *outboxOwner) Enter() bool { return (*Conn)(w).life.tryEnter() }

// Write writes until nothing waits. It reports whether the caller was the last goroutine of the connection, and has
// finished it.
func (w *outboxOwner) Write() (last bool) {
	c := (*Conn)(w)
	defer func() { last = c.exit() }()
	bufs, to := c.out.Take()
	for bufs != nil {
		n, ok := c.write(bufs, to)
		if !ok {
			return false // unless exit says otherwise
		}
		var room bool
		if bufs, to, room = c.out.Next(n); room {
			c.eng.owner.noticesFit(c)
			bufs, to = c.out.Take()
		}
	}
	return false // likewise
}

// flushBatch is the reader's write at the end of its batch.
func (c *Conn) flushBatch() {
	bufs, to := c.out.Take()
	if bufs == nil {
		return
	}
	if n, ok := c.write(bufs, to); ok && c.out.Done(n) {
		c.eng.owner.noticesFit(c)
	}
}

// write writes to a link and returns how many bytes that were. If it reports false it has failed, and the
// caller's task of writing is over.
func (c *Conn) write(bufs [][]byte, to any) (n int64, ok bool) {
	l := to.(*session.Link)
	var err error
	switch {
	case len(bufs) == 1:
		var one int
		one, err = l.Stream.Write(bufs[0])
		n = int64(one)
	default:
		n, err = l.Stream.WriteBuffers(bufs)
	}
	if err == nil {
		return n, true
	}
	c.out.Fail(n)
	c.writeFailed(l, err)
	c.out.Stop(l.State() != session.Sound)
	return n, false
}

// probe asks the peer whether it is still there, if it answers such questions.
func (c *Conn) probe(nonce uint64) {
	if !hasLegacy || c.legacy == nil {
		c.out.Ping(nonce)
		return
	}
	if frame := c.legacy.AliveProbe(); frame != nil {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	}
}
