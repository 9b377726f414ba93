//go:build !js

package core

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// How a node that shuts down hands its sessions over:
//
//	cut    the streams of all clients that can resume are cut, without a goodbye: a client of any version comes back at once, with its session,
//	       and the load balancer brings it to another node, which fetches the session
//	wait   nearly all clients come back within this time
//	push   each session that is left is given to another node, which keeps it until its client comes
//
// What is left after that is told that the server shuts down, as at a server that is alone.

const (
	handOverTime = 10 * time.Second // for all that, if the context has no deadline; half of the time that is left if it has one
	pushers      = 64               // sessions that are pushed at one time
	adoptTime    = 3 * time.Second  // for one of them
)

// comeBack is how long clients have to come back before their sessions are pushed.
const comeBack = 2 * time.Second

// handOver hands the sessions of a node that shuts down over to the others.
func (k *cluster) handOver(ctx context.Context) {
	if k == nil {
		return
	}
	defer k.moves.handed.Do(k.srv.conns.Done) // see holdUp
	defer k.moves.shut.Store(true)
	if !k.up.Load() || k.nodes.Serving() == 0 {
		return
	}
	most := handOverTime
	if by, ok := ctx.Deadline(); ok {
		most = time.Until(by) / 2
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	why := NewError(CodeConnLost, "the server is going away, and another node goes on with the session")
	var all sync.WaitGroup
	for c := range k.srv.Clients() {
		if k.canMove(c) {
			all.Go(func() { k.cutOff(ctx, c, why) })
		}
	}
	all.Wait()
	if k.awaitMoved(ctx, min(comeBack, most/2)) {
		return
	}
	var pushing sync.WaitGroup
	pushing.Go(func() { k.push(ctx) })
	k.awaitMoved(ctx, most)
	pushing.Wait()
}

// holdUp keeps the cluster from being stopped before handOver has returned. It is called once, before.
func (k *cluster) holdUp() {
	if k != nil {
		k.srv.conns.Add(1)
	}
}

// canMove reports whether a client has a session that another node can go on with.
func (k *cluster) canMove(c *Conn) bool { return c.sess.Token() != nil && !c.isEnded() }

// cutOff cuts the stream of a client, and lets its handlers return.
func (k *cluster) cutOff(ctx context.Context, c *Conn, why *Error) {
	if t := c.move.Load(); t != nil {
		select {
		case <-t.settled:
		case <-ctx.Done():
			return
		}
	}
	l := c.sess.Link()
	if l.State() != session.Lost && c.sess.Losing(l) == session.CanWait {
		c.suspend(l, why)
	}
}

// awaitMoved waits until no session is left here. It reports false if that takes longer than most.
func (k *cluster) awaitMoved(ctx context.Context, most time.Duration) bool {
	by := time.Now().Add(most)
	for {
		if q := k.srv.eng.manual; q != nil { // a connection that has moved leaves, and hooks run
			q.run(0)
		}
		if len(k.remaining()) == 0 && k.moves.gone.Pending() == 0 { // in this order: a session that is not here any more has departed
			return true
		}
		if !time.Now().Before(by) {
			return false
		}
		select {
		case <-time.After(handlerTick):
		case <-ctx.Done():
			return false
		}
	}
}

// remaining returns the suspended clients that are still here.
func (k *cluster) remaining() (left []*Conn) {
	for c := range k.srv.Clients() {
		if k.canMove(c) && c.move.Load() == nil && c.Suspended() {
			left = append(left, c)
		}
	}
	return left
}

// push gives the sessions that are left to other nodes.
func (k *cluster) push(ctx context.Context) {
	left := k.remaining()
	next := make(chan *Conn)
	var all sync.WaitGroup
	for range min(pushers, len(left)) {
		all.Go(func() {
			for c := range next {
				k.pushOne(ctx, c)
			}
		})
	}
	for _, c := range left {
		next <- c
	}
	close(next)
	all.Wait()
}

// pushOne gives a session to the first of the nodes that takes it. A node that does not take it says so at once; two that do not answer are enough.
func (k *cluster) pushOne(ctx context.Context, c *Conn) {
	t := relay.Ticket{Node: k.self, Conn: c.id, Proof: proofOf(c), Received: c.out.Stats().Acked}
	unanswered := 0
	for _, heir := range heirs(k.serving(), c.id) {
		if unanswered >= 2 || c.isEnded() || c.sess.Detached() || ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, adoptTime)
		q := relay.Question{Subject: relay.Adopt, Rest: t.Append(nil)}
		left, err := k.ask(ctx, []uint64{heir}, relay.Topic{To: relay.ToConn, Node: heir}, q, func(_ uint64, a relay.Answer) bool {
			if a.Code != 0 {
				k.srv.eng.log.debug(c, "a node does not take a session", k.fault(a), "node", k.nodes.ID(heir))
			}
			return true
		})
		cancel()
		if err != nil || len(left) > 0 {
			unanswered++
		}
	}
}

// heirs returns nodes in another order for each connection, so that the connections of a node are shared among all others.
func heirs(nodes []uint64, conn uint64) []uint64 {
	weight := func(node uint64) uint64 {
		h := fnv.New64a()
		h.Write([]byte(strconv.FormatUint(node, 16) + "-" + strconv.FormatUint(conn, 16))) //nolint:errcheck // it never fails
		return h.Sum64()
	}
	slices.SortFunc(nodes, func(a, b uint64) int {
		if weight(a) > weight(b) {
			return -1
		}
		return 1
	})
	return nodes
}

// answerAdopt takes a session from a node that goes, and keeps it for its client.
func (k *cluster) answerAdopt(ctx context.Context, from uint64, t *relay.Ticket) ([]byte, error) {
	s := k.srv
	if s.eng.manual != nil {
		return nil, NewError(CodeUnsupported, "the program runs its handlers itself")
	}
	if t.Node != from {
		return nil, NewError(CodeProtocol, "a node gives away what is not its own")
	}
	if !k.beginFetch("") {
		return nil, NewError(CodeUnavailable, "the node fetches as many sessions as it may")
	}
	defer k.endFetch("")
	found, sight, _ := k.seekAt(ctx, []uint64{from}, relay.Topic{To: relay.ToConn, Node: from}, t)
	if found == 0 || sight.Moved != 0 {
		return nil, errSessionOver
	}
	ar := &arrival{stream: away{transport.Info{Remote: sight.Addr}}}
	ar.hello = &wire.Hello{Token: append([]byte(nil), t.Proof[:]...)}
	slot, evicted := s.gate.Enter(addrOf(ar.stream.Info()), ar)
	ar.slot = slot
	s.makeRoom(evicted)
	if !s.register(ar) {
		s.gate.Free(slot)
		return nil, errShuttingDown
	}
	if why := s.takeSlot(ar); why != nil {
		s.shaken(ar)
		return nil, why
	}
	a := &arriving{k: k, keeper: from, ticket: *t, sight: sight, away: true}
	why := a.fetch(ctx, context.WithoutCancel(ctx), ar)
	switch {
	case why == nil:
		s.keepAway(a.c)
		return nil, nil
	case a.claimed:
		s.conns.Add(1) // see closed
		s.shaken(ar)
		a.c.end(notLetIn(why), nil, ending{})
		a.c.exit()
	default:
		s.shaken(ar)
	}
	return nil, why
}

// keepAway suspends a connection whose client has not come yet.
func (s *Server) keepAway(c *Conn) {
	s.eng.log.info(c, "a session has come from another node, and waits for its client", nil)
	c.atServer.joined = true
	s.come(c)
	l := c.sess.Link()
	l.EndReading(false)
	c.endBatch()
	if c.turn.Bytes() > 0 { // frames that the other node has read and not handled
		c.tell(func() {})
	}
	c.lost(l, errAway)
	c.exit()
}

var errAway = &Error{Code: CodeConnLost, Message: "the client has not come back yet"}

// An away is the stream of a client that is away: it has broken off.
type away struct{ info transport.Info }

func (away) Read([]byte) (int, error)             { return 0, transport.ErrClosed }
func (away) Write([]byte) (int, error)            { return 0, transport.ErrClosed }
func (away) WriteBuffers([][]byte) (int64, error) { return 0, transport.ErrClosed }
func (away) Close() error                         { return nil }
func (away) CloseWrite() error                    { return transport.ErrClosed }
func (away) SetReadDeadline(time.Time) error      { return nil }
func (away) SetWriteDeadline(time.Time) error     { return nil }
func (a away) Info() transport.Info               { return a.info }
