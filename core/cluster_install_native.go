//go:build !js

package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/wire"
)

// pull takes the session from its keeper. again says that it has changed since it was seen.
func (a *arriving) pull(ctx context.Context) (content []byte, again bool, why *Error) {
	k := a.k
	subject := relay.Take
	total := uint64(0)
	for {
		p, code := a.pullPart(ctx, subject)
		switch {
		case code == CodeNone && p.Again:
			return nil, true, nil
		case code == CodeNone && (p.Total > uint64(k.sessionBytes()) || content != nil && p.Total != total || uint64(len(content)+len(p.Part)) > p.Total):
			k.refused(relay.TooLong, relay.TopicOfNode(k.self))
			return nil, false, NewError(CodeSessionOver, "the session is larger than the node takes")
		case code == CodeNone:
			if content == nil {
				total = p.Total
				content = make([]byte, 0, min(total, firstBytes)) // it grows as it comes
			}
			if content = append(content, p.Part...); uint64(len(content)) == p.Total {
				a.confirm()
				return content, false, nil
			}
			subject, a.ticket.Offset = relay.Further, uint64(len(content))
		case code == CodeSessionOver:
			return nil, false, NewError(CodeSessionOver, "the session is over")
		case code != CodeDeadlineExceeded:
			return nil, false, k.srv.later(NewError(CodeUnavailable, "the session cannot be fetched now"))
		case k.nodes.ID(a.keeper) == "" || ctx.Err() != nil: // nobody knows whether it has been taken: it is not used anywhere
			return nil, false, NewError(CodeSessionOver, "the node that has the session does not answer")
		}
	}
}

// pullPart asks for a part of the session, once.
func (a *arriving) pullPart(ctx context.Context, subject relay.Subject) (p relay.Parcel, code Code) {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	code = CodeDeadlineExceeded
	q := relay.Question{Subject: subject, Rest: a.ticket.Append(nil)}
	a.k.ask(ctx, []uint64{a.keeper}, relay.Topic{To: relay.ToConn, Node: a.keeper}, q, func(_ uint64, r relay.Answer) bool { //nolint:errcheck // code says it
		if code = Code(r.Code); code != CodeNone {
			return true
		}
		var fault relay.Fault
		if p, fault = relay.ParseParcel(r.Rest); fault != relay.None {
			a.k.refused(fault, relay.TopicOfNode(a.k.self))
			code = CodeSessionOver
		}
		return true
	})
	if code == CodeDeadlineExceeded && ctx.Err() == nil { // the relay cannot be reached, or the node has gone
		a.k.pause(ctx, claimPause) //nolint:errcheck // the caller looks
	}
	return p, code
}

// confirm tells the keeper that the session has come. It does not wait.
func (a *arriving) confirm() {
	a.ticket.Offset = relay.GotAll
	q := relay.Question{ID: 1<<63 | a.c.id, Subject: relay.Further, Rest: a.ticket.Append(nil)} // an id that no other question has
	a.k.put(relay.Topic{To: relay.ToConn, Node: a.keeper}, q.Append(relay.NewMessage(relay.KindQuestion, a.k.self, q.Size())))
	a.ticket.Offset = 0
}

// sessionBytes bounds a session that is fetched, in bytes.
func (k *cluster) sessionBytes() int {
	l := &k.srv.opts.Limits
	return 4*(l.QueueBytes+l.InboxBytes+l.MaxHello) + 4<<20
}

// parse reads the session, and checks it: it may come from anybody who can publish.
func (a *arriving) parse(content []byte) *Error {
	s, fault := relay.ParseSession(content)
	if fault == relay.None {
		var ok bool
		if a.parked, ok = parked.Parse(s.Parked); !ok {
			fault = relay.BadNumber
		}
	}
	if fault != relay.None {
		a.k.refused(fault, relay.TopicOfNode(a.k.self))
		return NewError(CodeSessionOver, "the session has not come whole")
	}
	if a.away {
		a.received = a.parked.Acked // and its client will tell more
	}
	if !fits(a.parked, a.received) {
		return NewError(CodeSessionOver, "what the client lacks is not kept any more")
	}
	a.content = s
	return nil
}

// install lets the connection go on with the session, and with what others have sent to it meanwhile.
func (a *arriving) install() *Error {
	c, p, s := a.c, a.parked, a.k.srv
	if why := c.reason(); why != nil { // the program has ended it on its way
		return why
	}
	if err := a.k.unpackValues(c, a.content.Program); err != nil {
		s.eng.faultOf(c, "a session is lost on its way from another node", wrapError(CodeInternal, "Unpack", err))
		return NewError(CodeSessionOver, "the program cannot go on with the session")
	}
	c.sess.Restore(p.Received, p.Missed)
	c.calls.restore(p.LastCall)
	c.takeParked(p.In)
	a.k.moves.gone.Name(c.id, a.content.Names...)
	var welcome []byte
	if !a.away {
		w := s.welcomeTo(c)
		w.Resumed, w.Received = true, p.Received
		welcome = wire.AppendWelcome(nil, w)
	}
	marks := marksBy(0, a.content.Marks)

	t := a.move
	t.mu.Lock()
	t.marks = marks
	var further [][]byte
	for _, h := range t.held {
		if !t.coversLocked(h.at) {
			further = append(further, h.frame)
		}
	}
	c.out.Adopt(outbox.Parked{Acked: p.Acked, Missed: p.Dropped, Frames: p.Out}, a.received, p.Received, welcome, further)
	t.over, t.held = true, nil
	spilt := t.spilt
	t.mu.Unlock()
	c.move.Store(nil)
	close(t.settled)
	a.k.moves.fetched.Add(1)
	if c.isEnded() { // just now
		c.out.SetClosed(true)
		c.sess.Link().Stream.Close() //nolint:errcheck // its client comes back, and is told
		a.k.unname(c)
	}
	if a.k.followsStore() {
		s.enterFollowed(c, a.content.Groups)
	}
	if spilt {
		c.endWith(NewError(CodeSlowConsumer, "too much was sent to the client while its session moved"))
	}
	return nil
}

// enterFollowed lets others find a connection in groups that a store keeps, and gives it what it has not had of them at the other node.
func (s *Server) enterFollowed(c *Conn, groups []relay.Followed) {
	had := make(map[string]wire.Position, len(groups))
	for _, g := range groups {
		had[g.Group] = wire.Position{Group: g.Group, Epoch: g.Epoch, Number: g.Number}
	}
	for _, g := range c.Groups() {
		var unfit []error
		h := s.store.Begin(g)
		if !c.isEnded() && s.roster.EnterGroup(c, &c.who, g) {
			unfit = s.replayTo(h, g, c, had[g])
		}
		h.End(false)
		s.cluster.wantGroup(g)
		s.reportUnsent(c, unfit)
	}
}

// goOnFetched goes on with a session that was fetched: it tells the client and the program, and reads.
func (s *Server) goOnFetched(c *Conn, rd *reader) {
	served := false
	defer func() {
		if !served { // a function of the program has ended this goroutine by runtime.Goexit
			c.endWith(errGoexit)
			c.sess.Link().EndReading(false)
			c.exit()
		}
	}()
	s.eng.log.info(c, "a session has come from another node", nil)
	s.eng.counters.resumed.Add(1)
	c.sess.Link().Stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
	c.endBatch()                                      // a writer writes the welcome; if it fails the session waits to be resumed again
	served = true
	c.serve(rd, nil, func() {
		c.atServer.joined = true
		s.runResume(c)
		s.come(c)
	})
}

func (s *Server) runResume(c *Conn) {
	if s.onResume == nil {
		return
	}
	defer s.eng.recover(c, "resume handler")
	s.onResume(c)
}
