//go:build !js

package core

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
)

// How a node fetches the session of a client that comes back to it, and was at another node:
//
//	seek     the node at which the session began is asked, and then the node that it names; if it is gone, all nodes are
//	arrive   a connection is made, and others find it. What they send to it is held
//	fence    every other node has sent the keeper what it has sent before this node subscribed
//	take     the session is this node's, or lost
//	install  the connection goes on with it, and with what was held

const (
	maxFetches = 256                    // sessions that are fetched at one time
	fetchTime  = 5 * time.Second        // for all that follows
	seekTime   = 3 * time.Second        // for a node to answer whether it has a session
	fenceTime  = 500 * time.Millisecond // for all nodes to answer
	takeTime   = time.Second            // for a node to answer with a session or a part, before it is asked again
	maxHops    = 4                      // nodes that name the next one
	firstBytes = 1 << 20                // room for a session before more of it has come
	maxSights  = 4                      // times that a session may change while it is fetched
)

// fetch fetches the session that a newcomer names from another node, and returns its connection. It returns nothing if there is no such session, so that
// the newcomer must join like any other. If it fails the caller turns the newcomer away.
func (k *cluster) fetch(base context.Context, ar *arrival) (*Conn, *Error) {
	if k == nil {
		return nil, nil
	}
	node, conn, ok := session.ConnOf(ar.hello.Session)
	if !ok || node == 0 || len(ar.hello.Token) == 0 {
		return nil, nil
	}
	t := relay.Ticket{Node: node, Conn: conn, Proof: relay.ProofOf(ar.hello.Token), Received: ar.hello.Received}
	if id, ours := k.ownSession(node, conn); ours {
		if _, gone := k.moves.gone.Where(id); !gone {
			return nil, nil // it is over
		}
	}
	from := shareOf(ar)
	if !k.beginFetch(from) {
		return nil, k.srv.later(NewError(CodeUnavailable, "the node fetches as many sessions as it may"))
	}
	defer k.endFetch(from)
	ctx, cancel := context.WithTimeout(base, k.fetchTime())
	defer cancel()
	defer context.AfterFunc(k.deciding, cancel)()
	keeper, sight, why := k.seek(ctx, &t, from)
	if why != nil || keeper == 0 {
		return nil, why
	}
	if why := k.srv.takeSlot(ar); why != nil {
		return nil, why
	}
	a := &arriving{k: k, keeper: keeper, ticket: t, sight: sight, received: ar.hello.Received}
	if why := a.fetch(ctx, base, ar); why != nil {
		return nil, why
	}
	return a.c, nil
}

// fetchTime is how long a session may take to be fetched: less than a client waits for its welcome.
func (k *cluster) fetchTime() time.Duration {
	if most := k.srv.opts.Timeouts.Hello / 2; most > 0 {
		return min(fetchTime, most)
	}
	return fetchTime
}

// An arriving is a session that is being fetched.
type arriving struct {
	k        *cluster
	keeper   uint64
	ticket   relay.Ticket
	sight    relay.Sight
	received uint64 // frames that the client has received
	c        *Conn
	move     *transit
	claims   []*claiming
	claimed  bool // others may have the connection
	away     bool // nobody has come for the session yet
	content  relay.Session
	parked   *parked.Session
}

// fetch makes the connection of the newcomer, and takes the session. If it fails after others could find the connection, ar.shown is set.
func (a *arriving) fetch(ctx, base context.Context, ar *arrival) *Error {
	k, s := a.k, a.k.srv
	c := newConn(base, s.eng, s.lastID.Add(1), ar.stream)
	c.server = true
	c.speak(nil)
	c.who.SetAddr(c.Info().Remote)
	c.who.SetName(a.sight.Name)
	for _, g := range a.sight.Groups {
		c.who.AddGroup(g, -1)
	}
	c.who.SetUser(a.sight.User)
	c.atServer.auth = append([]byte(nil), a.sight.Auth...)
	if m := a.sight.Metadata; len(m) > 0 {
		c.atServer.metadata = make(map[string]string, len(m)/2)
		for i := 0; i+1 < len(m); i += 2 {
			c.atServer.metadata[m[i]] = m[i+1]
		}
	}
	c.peer.maxFrame = peerMaxFrame(a.sight.MaxFrame)
	c.sess.Open(session.Credentials{ID: session.MakeID(k.self, c.id), Token: ar.hello.Token, AckBytes: a.sight.AckBytes}, true)
	c.out.Keep()
	if a.sight.Notices && s.opts.Access.Notices != nil {
		c.atServer.notices = notices.New(s.opts.Limits.QueueBytes)
	}
	c.out.Hold(0) // nothing is written before the session has come
	a.c, a.move = c, &transit{settled: make(chan struct{}), most: s.opts.Limits.QueueBytes}
	c.move.Store(a.move)
	why := a.beginClaims(ctx)
	if why == nil {
		why = s.seat(ar, c)
	}
	if why != nil {
		a.endClaims(ctx, false)
		c.life.cancel(nil) // nobody else knows it
		a.move.settle(why)
		return why
	}
	a.claimed = true
	k.moves.gone.Name(c.id, relay.Origin{Node: a.ticket.Node, Conn: a.ticket.Conn})
	k.moves.arrivals.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(base), k.fetchTime()) // a Shutdown does not lose it half-way
	defer cancel()
	why = a.take(ctx)
	if claimed := a.endClaims(ctx, why == nil); why == nil {
		why = claimed
	}
	if why == nil {
		why = a.install()
	}
	if why != nil {
		s.eng.log.warn(c, "a session could not be fetched from another node", why, "node", k.nodes.ID(a.keeper))
		if ended := c.reason(); ended != nil { // the client is told why the program has ended it
			why = ended
		}
		ar.shown = c                    // others may have it
		k.unname(c)                     // it may have ended before
		c.sess.Link().EndReading(false) // nobody will read it; another attempt may have suspended the connection
		a.move.settle(why)
	}
	return why
}

// take makes the session this node's, and parses it.
func (a *arriving) take(ctx context.Context) *Error {
	k := a.k
	a.ticket.Taker = a.c.id
	for range maxSights {
		if why := a.subscribe(ctx); why != nil {
			return why
		}
		k.fence(ctx, a.keeper)
		a.ticket.Sight = a.sight.Digest()
		content, again, why := a.pull(ctx)
		switch {
		case why != nil:
			return why
		case !again:
			return a.parse(content)
		}
		found, sight, silent := k.seekAt(ctx, []uint64{a.keeper}, relay.Topic{To: relay.ToConn, Node: a.keeper}, &a.ticket)
		switch {
		case found == 0 && len(silent) == 0:
			return NewError(CodeSessionOver, "the session is over")
		case found == 0 || sight.Moved != 0 || sight.Name != a.sight.Name || sight.User != a.sight.User:
			return k.srv.later(NewError(CodeUnavailable, "the session has changed meanwhile")) // nobody has taken it: the client asks again
		}
		a.regroup(sight)
	}
	return k.unsure(ctx)
}

// subscribe waits until this node hears what is sent to the client from now on. What it puts into its queue afterwards is published after that.
func (a *arriving) subscribe(ctx context.Context) *Error {
	topics := a.k.topicsOf(&a.sight)
	for !a.k.queue.IsSubscribed(topics) {
		if ended := a.c.reason(); ended != nil { // and it subscribes to nothing
			return ended
		}
		if a.k.pause(ctx, time.Millisecond) != nil {
			return a.k.unsure(ctx)
		}
	}
	return nil
}

// regroup puts the connection into the groups of a newer sight.
func (a *arriving) regroup(s relay.Sight) {
	for _, g := range a.sight.Groups {
		if !slices.Contains(s.Groups, g) {
			a.k.srv.roster.Part(a.c, &a.c.who, g)
			a.k.wantGroup(g)
		}
	}
	for _, g := range s.Groups {
		a.k.srv.roster.Join(a.c, &a.c.who, g) //nolint:errcheck // then it has left
		a.k.wantGroup(g)
	}
	a.sight = s
}

// A fencing asks all nodes at once for all sessions that wait for that. The cluster's lock guards it.
type fencing struct {
	running bool
	next    chan struct{} // closed after the next round; nil if nobody waits for it
}

// fence waits until all other nodes have answered a question, or some do not answer. The keeper has had by then what they sent before.
func (k *cluster) fence(ctx context.Context, keeper uint64) {
	if !slices.ContainsFunc(k.nodes.All(), func(n relay.Node) bool { return n.Incarnation != keeper }) {
		return
	}
	k.mu.Lock()
	f := &k.moves.fencing
	if f.next == nil {
		f.next = make(chan struct{})
	}
	round := f.next
	if !f.running {
		f.running = true
		k.running.Go(k.runFences)
	}
	k.mu.Unlock()
	select {
	case <-round:
	case <-ctx.Done():
	}
}

func (k *cluster) runFences() {
	for {
		k.mu.Lock()
		f := &k.moves.fencing
		round := f.next
		f.next = nil
		f.running = round != nil
		k.mu.Unlock()
		if round == nil {
			return
		}
		var nodes []uint64
		for _, n := range k.nodes.All() {
			nodes = append(nodes, n.Incarnation)
		}
		ctx, cancel := context.WithTimeout(k.ctx, fenceTime)
		k.ask(ctx, nodes, relay.Topic{To: relay.ToNodes}, relay.Question{Subject: relay.Fence}, func(uint64, relay.Answer) bool { return false }) //nolint:errcheck // it is waited for as long as it may take
		cancel()
		close(round)
	}
}
