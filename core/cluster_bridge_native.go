//go:build !js

package core

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// gotStreams handles a message of a line. What breaks the protocol ends the line.
func (k *cluster) gotStreams(from uint64, m relay.Streams) relay.Fault {
	if m.Over {
		if at := k.lines.Find(from, m.Theirs, m.Line); at != nil {
			k.endLine(at, errLineLost)
		}
		return relay.None
	}
	at, verdict := k.lines.Got(from, &m)
	switch verdict {
	case relay.Stale:
		return relay.None
	case relay.Fresh:
		if at != nil { // the other node has ended it
			k.endLine(at, errLineLost)
		}
		if at = k.acceptLine(from, m.Line); at == nil {
			k.lineOver(from, &m)
			return relay.None
		}
	case relay.Gone:
		k.lineOver(from, &m)
		return relay.None
	case relay.Missing:
		k.endLine(at, errLineLost)
		k.lineOver(from, &m)
		return relay.None
	}
	fault := at.Of.got(&m)
	if fault != relay.None {
		k.endLine(at, errLineBad)
		k.lineOver(from, &m)
	}
	return fault
}

// acceptLine begins a line of another node. It returns nil if it does not begin.
func (k *cluster) acceptLine(from, number uint64) *relay.Line[*nodeLine] {
	if !k.serves.Load() {
		return nil
	}
	l := k.newLine(from, false)
	l.at.Number = number
	if !k.lines.Accept(l.at) {
		l.cancel(nil)
		return nil
	}
	if k.nodes.ID(from) == "" { // nobody would notice that it goes
		k.endLine(l.at, errNodeGone)
		return nil
	}
	return l.at
}

// lineOver tells another node that a line is over.
func (k *cluster) lineOver(node uint64, of *relay.Streams) {
	m := relay.Streams{Theirs: !of.Theirs, Over: true, Line: of.Line}
	k.put(relay.Topic{To: relay.ToConn, Node: node}, m.Append(relay.NewMessage(relay.KindStreams, k.self, relay.StreamsHead)))
}

// got handles the frames of a message.
func (l *nodeLine) got(m *relay.Streams) relay.Fault {
	for _, t := range m.Told {
		l.reached(t.Stream, t.Count)
	}
	for rest := m.Frames; len(rest) > 0; {
		f, n, ok, err := wire.Next(rest, len(rest))
		if err != nil || !ok {
			return relay.Short
		}
		rest = rest[n:]
		switch f.Kind {
		case wire.KindStreamItem, wire.KindStreamPart:
			got, fault := l.gotItems(f, rest)
			if fault != relay.None {
				return fault
			}
			rest = rest[got:]
		case wire.KindStream:
			if l.at.Ours || !l.gotOpen(f.Body) {
				return relay.Unknown
			}
		case wire.KindStreamCredit:
			id, n, err := wire.ParseStreamCredit(f.Body)
			if err != nil || l.table.GotCredit(id, n) == stream.Fault {
				return relay.BadNumber
			}
		case wire.KindStreamEnd:
			if !l.gotEnd(f.Body) {
				return relay.Unknown
			}
		case wire.KindPing, wire.KindPong:
			nonce, err := wire.ParseNonce(f.Body)
			if err != nil {
				return relay.BadNumber
			}
			if f.Kind == wire.KindPong {
				l.table.Answered(nonce, time.Now())
			} else {
				l.k.lines.Pong(l.at, nonce)
				l.k.wakePublisher()
			}
		default:
			return relay.Unknown
		}
	}
	return relay.None
}

// reached notes how much of a stream has reached the client.
func (l *nodeLine) reached(id, count uint64) {
	l.mu.Lock()
	far := l.far[id]
	l.mu.Unlock()
	if far != nil && count > far.Load() {
		far.Store(count)
	}
}

// gotItems handles items of which f is the first, and returns how many bytes of rest it has taken.
func (l *nodeLine) gotItems(f wire.Frame, rest []byte) (n int, fault relay.Fault) {
	got, err := l.table.GotItems(f, rest, len(rest)+len(f.Body))
	if err != nil || got.Verdict == stream.Fault {
		return 0, relay.Unknown
	}
	if got.Verdict == stream.TooBig {
		if s := l.table.Find(got.ID); s != nil {
			why := NewError(CodeTooBig, "a stream item exceeds the limit "+strconv.Itoa(l.k.srv.eng.maxItem)+" B of the client's node")
			l.endFar(s, why, 0)
			s.EndHandler(why)
		}
	}
	return got.Size, relay.None
}

// endFar ends a stream at once, with the reason for the other node.
func (l *nodeLine) endFar(s *stream.Stream, why error, count uint64) {
	s.Abort(l.farewell(why, count), why)
}

// farewell returns an error as the other node is told it. Only the node of the client says whose error it is, and how far the stream came.
func (l *nodeLine) farewell(why error, count uint64) wire.Goodbye {
	bye := passedOn(l.k.srv.eng.codec, why)
	if !l.at.Ours {
		end := relay.StreamEnd{Remote: IsRemote(why), Count: count}
		bye.Details = append(end.Append(nil), bye.Details...)
	}
	return bye
}

// passedOn returns an error as it is passed on: also with the details of a peer's error.
func passedOn(codec codec, why error) wire.Goodbye {
	bye, _ := forPeer(packed(codec, why), farFrame)
	if e, ok := find[*Error](why); ok && e != nil && e.remote && len(bye.Details) == 0 {
		bye.Details = e.raw
		bye, _ = bye.Within(farFrame)
	}
	return bye
}

// gotEnd handles the end of a stream. It reports false if it breaks the protocol.
func (l *nodeLine) gotEnd(body []byte) bool {
	id, bye, err := wire.ParseStreamEnd(body)
	if err != nil {
		return false
	}
	var why error
	if bye.Code != CodeNone {
		end := relay.StreamEnd{Remote: true}
		if l.at.Ours {
			var fault relay.Fault
			if end, bye.Details, fault = relay.ParseStreamEnd(bye.Details); fault != relay.None {
				return false
			}
			l.reached(id, end.Count)
		}
		e := fromPeer(bye, l.k.srv.eng.codec)
		e.remote = end.Remote
		why = e
	}
	s, done, v := l.table.GotEnd(id, why)
	switch {
	case v == stream.Fault:
		return false
	case s == nil || why == nil:
	case done && bye.Code == CodeClosed: // the other end only takes no more
		if s.Stopped != nil {
			s.Stopped()
		}
	default:
		s.EndHandler(why)
	}
	return true
}

// A bridge passes the items of a stream on, between another node and a client of this one.
type bridge struct {
	l    *nodeLine
	c    *Conn
	far  *stream.Stream            // towards the other node
	near atomic.Pointer[streamEnd] // towards the client; nil until it is open
	told atomic.Uint64             // what the other node was told to have reached the client

	ctx         context.Context // ends if the other node gives the stream up, and with the line
	cancel      context.CancelCauseFunc
	farStopped  chan struct{} // has an element when the other node takes no more
	nearStopped chan struct{} // has an element when the client takes no more
}

// gotOpen begins a stream of the other node. It reports false if that breaks the protocol.
func (l *nodeLine) gotOpen(body []byte) bool {
	o, err := wire.ParseStream(body)
	if err != nil {
		return false
	}
	to, arg, fault := relay.ParseStreamTo(o.Arg)
	if fault != relay.None {
		return false
	}
	s, v := l.table.Accept(&o)
	switch v {
	case stream.Fault:
		return false
	case stream.Over:
		return true
	case stream.TooMany:
		return l.refuse(o.ID, errTooManyStreams)
	}
	k := l.k
	c := k.member(to.Conn)
	why := errNotThere
	if c != nil {
		why = k.enterBridge()
	}
	if c == nil || why != nil {
		s.Forget(why)
		s.Leave()
		return l.refuse(o.ID, why)
	}
	b := &bridge{l: l, c: c, far: s, farStopped: make(chan struct{}, 1), nearStopped: make(chan struct{}, 1)}
	b.ctx, b.cancel = context.WithCancelCause(l.ctx)
	s.Cancel = b.cancel
	s.Stopped = func() { signal(b.farStopped) }
	l.mu.Lock()
	l.bridges[o.ID] = b
	l.mu.Unlock()
	name, arg := string(o.Name), append([]byte(nil), arg...)
	kind := streamKind{silent: o.Silent, bytes: to.Bytes, stopped: func() { signal(b.nearStopped) }}
	go func() {
		defer k.running.Done()
		b.run(name, arg, kind)
	}()
	return true
}

var errNotThere = NewError(CodeUnknownClient, "the client is not at the node any more")

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// refuse tells the other node that its stream is not opened. It reports false if too much waits to be told.
func (l *nodeLine) refuse(id uint64, why *Error) bool {
	ok := l.k.lines.Say(l.at, wire.AppendStreamEnd(nil, id, l.farewell(why, 0)))
	l.k.wakePublisher()
	return ok
}

// enterBridge counts a bridge, as a question that is being answered.
func (k *cluster) enterBridge() *Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.closed || k.srv.eng.draining.Load():
		return errShuttingDown
	case k.bridges >= k.opts.MaxQuestions:
		return NewError(CodeTooManyCalls, "the client's node has as many streams of other nodes as it may")
	}
	k.bridges++
	k.running.Add(1)
	return nil
}

// run opens the stream to the client, and passes items on until both directions have ended.
func (b *bridge) run(name string, arg []byte, kind streamKind) {
	defer b.leave()
	near, err := b.c.open(b.ctx, name, arg, kind)
	if err != nil {
		b.l.endFar(b.far, err, 0)
		return
	}
	b.near.Store(near)
	if near.stop != nil {
		near.stop()
	}
	near.stop = context.AfterFunc(b.ctx, func() { b.giveUp(near, context.Cause(b.ctx)) })
	defer near.release()
	b.far.Begin(kind.bytes)
	in := make(chan struct{})
	var noMoreIn bool
	go func() {
		defer close(in)
		noMoreIn = !kind.silent && b.inward(near)
	}()
	noMoreOut := b.outward(near)
	<-in
	// Each end has been sent all that the other one had to send. Now it may learn that the other one takes no more.
	if noMoreIn {
		b.far.Stop(b.l.farewell(near.s.SendError(), b.count()), errNotTaken)
	}
	if noMoreOut {
		near.s.Stop(passedOn(b.l.k.srv.eng.codec, b.far.SendError()), errNotTaken)
	}
	select {
	case <-b.far.Drained():
	case <-b.ctx.Done():
	}
	if b.ctx.Err() != nil { // release may stop the watch on ctx before it has run
		b.giveUp(near, context.Cause(b.ctx))
	}
}

// giveUp ends the stream to the client, unless it is over. The reason goes on to the client as it has come.
func (b *bridge) giveUp(near *streamEnd, why error) {
	near.s.Abort(passedOn(b.l.k.srv.eng.codec, why), why)
}

// leave gives the bridge's place up.
func (b *bridge) leave() {
	b.far.Leave()
	b.cancel(nil)
	b.l.mu.Lock()
	delete(b.l.bridges, b.far.ID())
	b.l.mu.Unlock()
	k := b.l.k
	k.mu.Lock()
	k.bridges--
	k.mu.Unlock()
}

// inward passes items of the other node on to the client. It reports whether it has left off because the client takes no more.
func (b *bridge) inward(near *streamEnd) (stopped bool) {
	for {
		item, st, err := b.far.TryNext()
		switch {
		case st == stream.Ended && err == nil:
			near.s.Finish(wire.Goodbye{}, nil)
			return false
		case st == stream.Ended:
			b.giveUp(near, err) // ctx may end only once the bridge is over
			return false
		case st == stream.Wait:
			select {
			case <-b.far.Readable():
			case <-b.nearStopped:
				return true
			case <-b.ctx.Done():
				return false
			}
			continue
		}
		if !b.pass(near.s, item) {
			return b.ctx.Err() == nil
		}
	}
}

// outward passes items of the client on to the other node. It reports whether it has left off because the other node takes no more.
func (b *bridge) outward(near *streamEnd) (stopped bool) {
	for {
		item, st, err := near.s.TryNext()
		switch {
		case st == stream.Ended && err == nil:
			b.far.Finish(wire.Goodbye{}, nil)
			return false
		case st == stream.Ended:
			b.far.Finish(b.l.farewell(err, b.count()), err)
			return false
		case st == stream.Wait:
			select {
			case <-near.s.Readable():
			case <-b.farStopped:
				return true
			case <-b.ctx.Done():
				return false
			}
			continue
		}
		if !b.pass(b.far, item) {
			return b.ctx.Err() == nil
		}
	}
}

// pass sends an item, and waits for credit. It reports false if the receiver takes no more, or the stream is given up.
func (b *bridge) pass(to *stream.Stream, item []byte) bool {
	if to.SendNow(item) {
		return true
	}
	it := stream.Item{Rest: item}
	for {
		switch st, _ := to.TrySend(&it); st {
		case stream.Done:
			return true
		case stream.Ended:
			return false
		}
		select {
		case <-to.Writable():
		case <-b.ctx.Done():
			return false
		}
	}
}

// count returns what has reached the client.
func (b *bridge) count() uint64 {
	n, _ := b.progress()
	return n
}

// progress returns what has reached the client, and whether the other node has not been told.
func (b *bridge) progress() (n uint64, news bool) {
	near := b.near.Load()
	if near == nil {
		return 0, false
	}
	n = near.s.Progress().Delivered
	return n, n != b.told.Load()
}
