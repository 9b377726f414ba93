//go:build !js

package core

import (
	"context"
	"crypto/subtle"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
)

// How a node gives a session away, to another node that asks for it. For the questions see session.go in package relay.
//
//	answerSeek  the stream that the client has left is given up, and handlers that run have a moment to return. Nothing is decided yet: the client
//	            may come back here
//	freeze      on the relay's goroutine: the session is the taker's. Nothing is queued for it here any more, and nothing of it runs
//	pack        the program packs its values, the connection ends, and its name is given back
//	answerTake  the taker is sent all that

// A migration is what a node knows of sessions that move.
type migration struct {
	gone     *relay.Departures
	arrivals atomic.Uint64 // sessions that have begun to come
	fetching relay.Shares  // sessions that are being fetched; the cluster's lock guards it, and the next two
	strays   relay.Rate    // questions to all nodes
	fencing  fencing
	shut     atomic.Bool // no session goes any more
	handed   sync.Once   // handOver has returned

	downSince atomic.Int64 // the age of the cluster when the relay could not be reached any more; 0 if it can
	fetched   atomic.Uint64
	given     atomic.Uint64
	lost      atomic.Uint64
}

// quietTime is how long the handlers of a session may take to return before it moves. A handler that takes longer goes on, and what it sends to its client
// fails.
const quietTime = time.Second

var (
	errSessionOver = &Error{Code: CodeSessionOver, Message: "the session is not here"}
	errMoved       = &Error{Code: CodeReplaced, Message: "the client has gone on at another node"}
)

// IsMoved reports whether why, the reason with which a connection has left a server of a cluster, says that its client has gone on at another node with
// its session. There a function of [Server.OnResume] has run for it.
func IsMoved(why error) bool {
	e, ok := find[*Error](why)
	return ok && e == errMoved
}

func (k *cluster) number() uint64 {
	if k == nil {
		return 0
	}
	return k.self
}

// ownSession returns the id of this node's connection for a session that began at a node, perhaps another one.
func (k *cluster) ownSession(node, conn uint64) (id uint64, ok bool) {
	switch {
	case k == nil || node == 0:
		return 0, false
	}
	id, ok = k.moves.gone.Conn(relay.Origin{Node: node, Conn: conn}) // also of a session that began here, went away and has come back
	if !ok && node == k.self {
		return conn, true
	}
	return id, ok
}

// kept returns the connection that a ticket names, and where its session has gone if it is not here any more. Both are zero if the ticket is wrong.
func (k *cluster) kept(t *relay.Ticket) (c *Conn, to relay.Origin) {
	id, ok := k.ownSession(t.Node, t.Conn)
	if !ok {
		return nil, to
	}
	if to, gone := k.moves.gone.Where(id); gone {
		return nil, to
	}
	c = k.srv.roster.Session(id)
	if c == nil || !proves(t, c) {
		return nil, to
	}
	return c, to
}

func proves(t *relay.Ticket, c *Conn) bool {
	own := proofOf(c)
	return subtle.ConstantTimeCompare(own[:], t.Proof[:]) == 1
}

// proofOf returns the proof of a connection's token. A node that has been given the session while the client was away knows nothing else.
func proofOf(c *Conn) (p [relay.ProofSize]byte) {
	if token := c.sess.Token(); copy(p[:], token) < len(p) {
		return relay.ProofOf(token)
	}
	return p
}

// sameToken reports whether a client that shows token has the session whose token, or the proof of it, is own.
func sameToken(own, token []byte) bool {
	if len(own) == relay.ProofSize {
		p := relay.ProofOf(token)
		token = p[:]
	}
	return session.SameToken(own, token)
}

// answerAboutSession answers a question about a session.
func (k *cluster) answerAboutSession(ctx context.Context, from uint64, q relay.Question) ([]byte, error) {
	t, fault := relay.ParseTicket(q.Rest)
	if fault != relay.None {
		k.refused(fault, relay.TopicOfNode(k.self))
		return nil, NewError(CodeProtocol, fault.String())
	}
	switch q.Subject {
	case relay.Seek:
		return k.answerSeek(ctx, &t)
	case relay.Adopt:
		return k.answerAdopt(ctx, from, &t)
	}
	return k.answerTake(ctx, relay.Origin{Node: from, Conn: t.Taker}, &t)
}

// answerSeek answers whether a session is here. If it is, the stream that its client has left is given up.
func (k *cluster) answerSeek(ctx context.Context, t *relay.Ticket) ([]byte, error) {
	c, to := k.kept(t)
	for c != nil { // on its way here: it will be here in a moment, or nowhere
		tr := c.move.Load()
		if tr == nil || tr.to.Node != 0 {
			break
		}
		select {
		case <-tr.settled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if tr.reason != nil {
			return nil, errSessionOver
		}
		c, to = k.kept(t)
	}
	if to.Node == 0 {
		if c == nil || c.hasAcked(t.Received) {
			return nil, errSessionOver
		}
		c.sess.Confirm()
		if k.letGo(ctx, c, NewError(CodeConnLost, "the client has come back at another node")) {
			s := sightOf(c)
			return s.Append(nil), nil
		}
		if _, to = k.kept(t); to.Node == 0 { // else another node has taken it meanwhile
			return nil, errSessionOver
		}
	}
	s := relay.Sight{Moved: to.Node}
	return s.Append(nil), nil
}

// letGo gives up the stream of a connection whose client has left it, and gives its handlers time to return. It reports false if the connection has ended
// instead.
func (k *cluster) letGo(ctx context.Context, c *Conn, why *Error) bool {
	l := c.sess.Link()
	if !c.suspend(l, why) {
		c.end(NewError(CodeConnLost, "too many connections are suspended"), nil, ending{})
	}
	select {
	case <-l.WhenReleased():
	case <-c.Context().Done():
		return false
	case <-ctx.Done():
		return !c.isEnded()
	}
	by := time.Now().Add(quietTime)
	for !c.isQuiet() && time.Now().Before(by) {
		select {
		case <-time.After(handlerTick):
		case <-c.Context().Done():
			return false
		case <-ctx.Done():
			return true
		}
	}
	return !c.isEnded()
}

func sightOf(c *Conn) relay.Sight {
	return relay.Sight{
		Name: c.Name(), User: c.User(), Addr: c.Addr(), Groups: c.Groups(), Auth: c.atServer.auth, Metadata: flat(c.atServer.metadata),
		MaxFrame: uint64(c.peer.maxFrame), AckBytes: c.sess.AckBytes(), Notices: c.atServer.notices != nil,
	}
}

// followsStore reports whether what is sent to groups comes from a store, and not from other nodes.
func (k *cluster) followsStore() bool { return k.srv.shared != nil && k.srv.replays() }

// followed returns how far a client has had its groups, if a store keeps them.
func (k *cluster) followed(c *Conn) (list []relay.Followed) {
	if !k.followsStore() {
		return nil
	}
	for _, g := range c.Groups() {
		h := k.srv.store.Begin(g)
		epoch, number := k.srv.shared.given(h, g, c)
		h.End(false)
		if epoch != 0 {
			list = append(list, relay.Followed{Group: g, Epoch: epoch, Number: number})
		}
	}
	return list
}

// topicsOf returns the topics on which messages for a client come, except the topic of its node.
func (k *cluster) topicsOf(s *relay.Sight) []relay.Topic {
	topics := append(make([]relay.Topic, 0, 3+len(s.Groups)), relay.Topic{To: relay.ToAll})
	if s.Name != "" {
		topics = append(topics, relay.Topic{To: relay.ToNamed, Name: s.Name})
	}
	if s.User != "" {
		topics = append(topics, relay.Topic{To: relay.ToUser, Name: s.User})
	}
	if k.followsStore() {
		return topics
	}
	for _, g := range s.Groups {
		topics = append(topics, relay.Topic{To: relay.ToGroup, Name: g})
	}
	return topics
}

// A frozen is a session that is the taker's, and not packed yet.
type frozen struct {
	c      *Conn
	parked *parked.Session
	marks  []relay.Mark
	groups []relay.Followed
}

// freeze makes a session the taker's, if it is suspended and as the taker has seen it. It runs on the relay's goroutine, between two messages: so it
// is clear which of them the session has had. answerTake says what has become of it.
func (k *cluster) freeze(from uint64, q relay.Question) {
	t, fault := relay.ParseTicket(q.Rest)
	if fault != relay.None {
		return
	}
	c, to := k.kept(&t)
	if c == nil || to.Node != 0 || c.move.Load() != nil || k.moves.shut.Load() {
		return
	}
	sight := sightOf(c)
	if sight.Digest() != t.Sight {
		return
	}
	to = relay.Origin{Node: from, Conn: t.Taker}
	if !k.detach(c, to) {
		return
	}
	tr := &transit{to: to, settled: make(chan struct{})}
	groups := k.followed(c) // before: what is given to it meanwhile comes twice, which the client notices
	c.move.Store(tr)        // before the outbox refuses anything
	f := &frozen{c: c, parked: c.park(errMoved), groups: groups}
	topics := k.topicsOf(&sight)
	names := make([]string, len(topics))
	for i, of := range topics {
		names[i] = of.At()
	}
	f.marks = k.nodes.Marks(names)
	for _, m := range k.queue.Marks(topics) {
		m.Node = k.self
		f.marks = append(f.marks, m)
	}
	tr.mu.Lock()
	tr.marks = marksBy(k.self, f.marks)
	tr.mu.Unlock()
	tr.settle(nil)
	k.moves.given.Add(1)
	k.running.Go(func() { k.pack(f, to) })
}

// detach makes a suspended session one that cannot be resumed here. It reports false if the session is not suspended, or its stream is still in use.
func (k *cluster) detach(c *Conn, to relay.Origin) bool {
	c.transition.Lock()
	defer c.transition.Unlock()
	l := c.sess.Link()
	select {
	case <-l.WhenReleased():
	default:
		return false
	}
	if c.sess.State() != session.Suspended || c.sess.Detached() || !k.moves.gone.Depart(c.id, to, time.Now()) {
		return false
	}
	return c.sess.DetachIdle(l) // which nobody has changed, since the transition is locked
}

// pack puts a frozen session together, ends its connection, and gives its name and its place back.
func (k *cluster) pack(f *frozen, to relay.Origin) {
	c := f.c
	var content []byte
	if f.parked != nil {
		program, err := k.packValues(c)
		if err != nil {
			k.srv.eng.faultOf(c, "a session is lost on its way to another node", wrapError(CodeInternal, "Pack", err))
		} else {
			proof := proofOf(c)
			f.parked.Token = proof[:]
			s := relay.Session{
				Parked:  parked.Append(make([]byte, 0, parked.Size(f.parked)), f.parked),
				Program: program, Names: append(k.moves.gone.Names(c.id), relay.Origin{Node: k.self, Conn: c.id}), Groups: f.groups, Marks: f.marks,
			}
			content = s.Append(nil)
		}
	}
	c.end(errMoved, nil, ending{waiting: c.sess.Link()})
	k.giveBack(c)
	k.moves.gone.Pack(c.id, content)
	k.srv.eng.log.info(c, "a session has moved to another node", nil, "node", k.nodes.ID(to.Node))
}

// giveBack waits until a connection has left, and gives its claims back. If its leave handler takes longer than claimTime, the claims are given back after
// that, and the taker has lost the session by then.
func (k *cluster) giveBack(c *Conn) {
	things := k.things(c.Name(), c.User())
	if len(things) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, claimTime)
	defer cancel()
	select {
	case <-c.Done():
	case <-ctx.Done():
	}
	for _, t := range things {
		k.settle(ctx, t)
	}
}

func flat(metadata map[string]string) (list []string) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		list = append(list, key, metadata[key])
	}
	return list
}

// answerTake sends the taker a session that freeze has made its own, or a further part of it.
func (k *cluster) answerTake(ctx context.Context, to relay.Origin, t *relay.Ticket) ([]byte, error) {
	id, ok := k.ownSession(t.Node, t.Conn)
	if !ok {
		return nil, errSessionOver
	}
	if t.Offset == relay.GotAll {
		k.moves.gone.Got(id, to)
		return nil, nil
	}
	ready := k.moves.gone.Ready(id, to)
	if ready == nil {
		c, there := k.kept(t)
		switch {
		case there.Node != 0: // the client asks again, and is told where
			return nil, NewError(CodeUnavailable, "another node has taken the session meanwhile")
		case c == nil:
			return nil, errSessionOver
		}
		if c.move.Load() == nil && c.Suspended() {
			s := sightOf(c)
			if s.Digest() != t.Sight {
				p := relay.Parcel{Again: true}
				return p.Append(nil), nil
			}
		}
		return nil, NewError(CodeUnavailable, "the client has come back meanwhile")
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	content := k.moves.gone.Content(id, to)
	if t.Offset >= uint64(len(content)) {
		return nil, errSessionOver
	}
	part := content[t.Offset:]
	if room := int(k.most.Load()) - answerReserve; len(part) > room {
		part = part[:room]
	}
	p := relay.Parcel{Total: uint64(len(content)), Part: part}
	return p.Append(nil), nil
}

// answerReserve is the room that the rest of an answer takes beside a part of a session, at most, in bytes.
const answerReserve = 256

// unname forgets by which names a connection that has left was known, unless it has moved.
func (k *cluster) unname(c *Conn) {
	if c.sess.Token() != nil {
		k.moves.gone.Left(c.id)
	}
}

// sweepMoves forgets sessions that have moved long ago.
func (k *cluster) sweepMoves(now time.Time) {
	if lost := k.moves.gone.Sweep(now); lost > 0 {
		k.moves.lost.Add(uint64(lost))
		k.srv.eng.faultOf(nil, "sessions are lost on their way to other nodes", NewError(CodeConnLost, "nobody has fetched them"))
	}
}
