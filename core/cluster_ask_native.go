//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// ask asks nodes, over a topic that they subscribe to, and calls each with the answers as they come, until it reports true or all have answered. left are the nodes that
// have not answered: they have gone, or an answer was lost, or ctx has ended, whose error is returned.
func (k *cluster) ask(ctx context.Context, nodes []uint64, over relay.Topic, q relay.Question, each func(from uint64, a relay.Answer) (enough bool)) (left []uint64, err error) {
	k.start()
	if len(nodes) == 0 {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nodes, ctx.Err()
	}
	if why := k.isUp(); why != nil {
		return nodes, why
	}
	open := k.asks.Ask(nodes)
	if open == nil {
		return nodes, errShuttingDown
	}
	q.ID = open.ID
	if by, ok := ctx.Deadline(); ok {
		q.Within = uint64(min(max(time.Until(by).Milliseconds(), 1), math.MaxInt32))
	}
	message := q.Append(relay.NewMessage(relay.KindQuestion, k.self, q.Size()))
	if len(message) > k.largest() {
		k.asks.Left(open)
		return nodes, NewError(CodeTooBig, "the question exceeds what the relay takes")
	}
	k.put(over, message)
	var gone []uint64
	for {
		r, ok, done := k.asks.Next(open)
		switch {
		case ok && r.Gone:
			gone = append(gone, r.From)
			continue
		case ok && each(r.From, r.Answer), done:
			silent := k.asks.Left(open)
			if ok && len(silent) > 0 {
				k.giveUp(over, open.ID)
			}
			return append(gone, silent...), nil
		case ok:
			continue
		}
		select {
		case <-open.Ready:
		case <-ctx.Done():
			silent := k.asks.Left(open)
			k.giveUp(over, open.ID)
			return append(gone, silent...), ctx.Err()
		case <-k.ctx.Done():
			return append(gone, k.asks.Left(open)...), errShuttingDown
		}
	}
}

// giveUp tells nodes that nobody waits for the answer to a question any more.
func (k *cluster) giveUp(over relay.Topic, id uint64) {
	k.put(over, relay.AppendNumber(relay.NewMessage(relay.KindGiveUp, k.self, 10), id))
}

// serving returns the other nodes that have or may have clients.
func (k *cluster) serving() (nodes []uint64) {
	for _, n := range k.nodes.All() {
		if n.Serves {
			nodes = append(nodes, n.Incarnation)
		}
	}
	return nodes
}

// askAll is ask for all other nodes that have or may have clients.
func (k *cluster) askAll(ctx context.Context, q relay.Question, each func(from uint64, a relay.Answer) bool) (left []uint64, err error) {
	return k.ask(ctx, k.serving(), relay.Topic{To: relay.ToNodes}, q, each)
}

// fault returns an answer that is not a good one as an error.
func (k *cluster) fault(a relay.Answer) error {
	e := &Error{
		Code: Code(a.Code), Message: a.Reason, RetryAfter: time.Duration(a.Retry) * time.Millisecond,
		remote: a.Remote,
	}
	if a.Remote && len(a.Rest) > 0 {
		e.raw, e.codec = a.Rest, k.srv.eng.codec
	}
	return e
}

// asked answers a question of another node, on a goroutine of its own. A request to disconnect clients has no answer and no id. It is
// done at once, so that it counts as no question that waits.
func (k *cluster) asked(from uint64, q relay.Question) relay.Fault {
	if q.Subject == relay.Fence {
		k.reply(asked{from, q.ID}, nil, nil)
		return relay.None
	}
	if !k.serves.Load() { // it was asked with the others
		return relay.None
	}
	if q.Subject == relay.Disconnect {
		why, fault := relay.ParseAnswer(q.Rest)
		if fault == relay.None {
			k.disconnectHere(q, why)
		}
		return fault
	}
	q.Rest = append([]byte(nil), q.Rest...)
	ctx, cancel := context.WithCancel(k.ctx)
	if q.Within > 0 {
		cancel()
		ctx, cancel = context.WithTimeout(k.ctx, time.Duration(q.Within)*time.Millisecond)
	}
	of := asked{from, q.ID}
	k.mu.Lock()
	_, twice := k.answering[of]
	full := len(k.answering) >= k.opts.MaxQuestions
	if !k.closed && !twice && !full {
		k.answering[of] = cancel
		k.running.Add(1)
		k.mu.Unlock()
		if q.Subject == relay.Take { // here, since nothing that comes later is for the session
			k.freeze(from, q)
		}
		go func() {
			defer k.running.Done()
			defer k.answered(of, cancel)
			body, err := k.answer(ctx, from, q)
			if ctx.Err() == nil || q.Within > 0 { // else nobody waits any more
				k.reply(of, body, err)
			}
		}()
		return relay.None
	}
	k.mu.Unlock()
	cancel()
	if full {
		k.reply(of, nil, NewError(CodeTooManyCalls, "the node answers as many questions as it may"))
	}
	return relay.None
}

// answered notes that a question is not being answered any more.
func (k *cluster) answered(of asked, cancel context.CancelFunc) {
	cancel()
	k.mu.Lock()
	delete(k.answering, of)
	k.mu.Unlock()
}

// givenUp ends the answer to a question that nobody waits for any more.
func (k *cluster) givenUp(of asked) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if cancel := k.answering[of]; cancel != nil {
		cancel()
	}
}

// reply sends an answer.
func (k *cluster) reply(of asked, body []byte, err error) {
	a := relay.Answer{ID: of.id, Rest: body}
	if err != nil {
		a = k.failure(of.id, err)
	}
	if a.Size()+relay.HeaderSize > k.largest() {
		a = k.failure(of.id, NewError(CodeTooBig, "the answer exceeds what the relay takes"))
	}
	k.put(relay.Topic{To: relay.ToConn, Node: of.from}, a.Append(relay.NewMessage(relay.KindAnswer, k.self, a.Size())))
}

func (k *cluster) failure(id uint64, err error) relay.Answer {
	why, _ := forPeer(packed(k.srv.eng.codec, err), wire.DefaultMaxFrame)
	a := relay.Answer{ID: id, Code: uint32(why.Code), Reason: why.Reason, Remote: IsRemote(err), Retry: uint64(why.RetryAfter.Milliseconds()), Rest: why.Details}
	if a.Remote {
		if e, ok := find[*Error](err); ok {
			a.Rest = e.raw
		}
	}
	if a.Code == 0 {
		a.Code = uint32(CodeInternal)
	}
	return a
}

// answer answers a question.
func (k *cluster) answer(ctx context.Context, from uint64, q relay.Question) (body []byte, err error) {
	switch q.Subject {
	case relay.Seek, relay.Take, relay.Further, relay.Adopt:
		return k.answerAboutSession(ctx, from, q)
	case relay.Survey:
		return k.srv.surveyed(ctx, q.Word, q.Rest)
	case relay.Count:
		return binary.AppendUvarint(nil, uint64(len(k.clients(q)))), nil
	case relay.Find:
		return k.list(k.clients(q)), nil
	case relay.Call:
		return k.callHere(ctx, q)
	}
	return k.answerMakeRoom(ctx, q)
}

// clients returns the clients of this node that a question is about.
func (k *cluster) clients(q relay.Question) []*Conn {
	switch q.To {
	case relay.ToGroup:
		return k.srv.roster.In(q.Name)
	case relay.ToUser:
		return k.srv.roster.Of(q.Name)
	case relay.ToNamed, relay.ToOne:
		return slices.Collect(k.srv.Named(q.Name).Clients())
	case relay.ToConn:
		if c := k.member(q.Conn); c != nil {
			return []*Conn{c}
		}
		return nil
	}
	return k.srv.roster.All()
}

// list returns the answer to a Find: how many clients there are, and as many of them as one message takes, in parts if need be.
func (k *cluster) list(conns []*Conn) []byte {
	most := k.largest() - listReserve
	b := binary.AppendUvarint(nil, uint64(len(conns)))
	for _, c := range conns {
		l := relay.Client{Conn: c.id, Name: c.Name(), User: c.User(), Addr: c.Addr(), Suspended: c.Suspended()}
		before := len(b)
		if b = l.Append(b); len(b) > most {
			return b[:before]
		}
	}
	return b
}

// listReserve is the room that the rest of a message with a list takes, at most, in bytes.
const listReserve = 256

// callHere calls a client of this node for another node. The send middleware there has seen the call.
func (k *cluster) callHere(ctx context.Context, q relay.Question) ([]byte, error) {
	switch q.To {
	case relay.ToUser:
		return k.srv.User(q.Name).callHere(ctx, q.Word, q.Rest, (*Conn).call)
	case relay.ToConn:
		if c := k.member(q.Conn); c != nil {
			return c.call(ctx, q.Word, q.Rest)
		}
		return nil, NewError(CodeUnknownClient, "the client is not at the node any more")
	case relay.ToNamed, relay.ToOne:
		c, err := k.srv.Client(q.Name)
		if err != nil {
			return nil, err
		}
		return c.call(ctx, q.Word, q.Rest)
	}
	return nil, NewError(CodeUnsupported, "one client is called at a time")
}

func (k *cluster) disconnectHere(q relay.Question, why relay.Answer) {
	if q.To == relay.ToAll || q.To == relay.ToGroup {
		return // nobody asks for that
	}
	var e *Error
	if why.Code != 0 {
		e = &Error{Code: Code(why.Code), Message: why.Reason, RetryAfter: time.Duration(why.Retry) * time.Millisecond}
	}
	for _, c := range k.clients(q) {
		c.closeWith(e)
	}
}

// disconnect asks other nodes, over a topic, to disconnect the clients of q. It does not wait for that.
func (k *cluster) disconnect(over relay.Topic, q relay.Question, why *Error) {
	if !k.elsewhere() {
		return
	}
	k.start()
	a := relay.Answer{}
	if why != nil {
		a = relay.Answer{Code: uint32(why.Code), Reason: safe.Clip(why.Message, relay.MaxReason/2), Retry: uint64(why.RetryAfter.Milliseconds())}
	}
	q.Subject, q.Rest = relay.Disconnect, a.Append(nil)
	k.put(over, q.Append(relay.NewMessage(relay.KindQuestion, k.self, q.Size())))
}
