//go:build !js

package core

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
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

// seek finds the node that has a session, for a newcomer that counts for the address from. It returns 0 if no node has it.
func (k *cluster) seek(ctx context.Context, t *relay.Ticket, from string) (keeper uint64, s relay.Sight, why *Error) {
	if why := k.isUp(); why != nil {
		if down := k.moves.downSince.Load(); down == 0 || k.age()-time.Duration(down) > k.srv.opts.Timeouts.Resume {
			return 0, s, nil // the session is over by now, or there never was a cluster
		}
		return 0, s, why
	}
	asked := []uint64{k.self}
	at := t.Node
	if at == k.self {
		id, _ := k.ownSession(t.Node, t.Conn)
		to, _ := k.moves.gone.Where(id)
		at = to.Node
	}
	for hop := 0; hop < maxHops && at != 0 && !slices.Contains(asked, at) && k.awaitNode(ctx, at); hop++ {
		asked = append(asked, at)
		found, s, silent := k.seekAt(ctx, []uint64{at}, relay.Topic{To: relay.ToConn, Node: at}, t)
		switch {
		case found == 0 && len(silent) == 0:
			return 0, s, nil // the node at which it began knows best
		case found == 0:
			if !k.isSilent(at) {
				return 0, s, k.unsure(ctx)
			}
			at = 0
		case s.Moved == 0:
			return found, s, nil
		case s.Moved == k.self && k.isHere(t): // another attempt of the client has taken it meanwhile
			return 0, s, k.srv.later(NewError(CodeUnavailable, "the session has just come"))
		default:
			at = s.Moved
		}
	}
	if !k.mayStray(from) {
		return 0, s, k.srv.later(NewError(CodeUnavailable, "too many sessions are looked for"))
	}
	for range 2 {
		var rest []uint64
		for _, n := range k.serving() {
			if !slices.Contains(asked, n) {
				rest = append(rest, n)
			}
		}
		if len(rest) > 0 {
			found, s, silent := k.seekAt(ctx, rest, relay.Topic{To: relay.ToNodes}, t)
			switch {
			case found != 0 && s.Moved == 0:
				return found, s, nil
			case found != 0 || slices.ContainsFunc(silent, func(n uint64) bool { return !k.isSilent(n) }):
				return 0, s, k.unsure(ctx)
			}
			asked = append(asked, rest...)
		}
		if k.isSettled() || !k.awaitSettled(ctx) {
			break
		}
	}
	return 0, s, nil
}

// isHere reports whether a session that began elsewhere is at this node, or on its way here.
func (k *cluster) isHere(t *relay.Ticket) bool {
	id, ok := k.ownSession(t.Node, t.Conn)
	if !ok {
		return false
	}
	_, gone := k.moves.gone.Where(id)
	return !gone && k.srv.roster.Session(id) != nil
}

func (k *cluster) unsure(ctx context.Context) *Error {
	if k.srv.isClosing() {
		return errShuttingDown
	}
	return k.srv.later(wrapError(CodeUnavailable, "it takes too long to find the session", ctx.Err()))
}

// seekAt asks nodes for a session. It returns the node that has it, or knows where it is, or 0, and the nodes that have not answered.
func (k *cluster) seekAt(ctx context.Context, nodes []uint64, over relay.Topic, t *relay.Ticket) (found uint64, s relay.Sight, silent []uint64) {
	ctx, cancel := context.WithTimeout(ctx, seekTime)
	defer cancel()
	defer k.watchSilence(cancel, nodes)()
	left, _ := k.ask(ctx, nodes, over, relay.Question{Subject: relay.Seek, Rest: t.Append(nil)}, func(from uint64, a relay.Answer) bool {
		if a.Code != 0 {
			if code := Code(a.Code); code != CodeSessionOver && code != CodeTooBig { // too big to move: it is lost
				silent = append(silent, from)
			}
			return false
		}
		got, fault := relay.ParseSight(a.Rest)
		if fault != relay.None {
			k.refused(fault, relay.TopicOfNode(k.self))
			silent = append(silent, from)
			return false
		}
		if found == 0 || got.Moved == 0 {
			found, s = from, got
		}
		if s.Moved != 0 {
			found = from
		}
		return s.Moved == 0 || len(nodes) == 1
	})
	return found, s, append(silent, left...)
}

// isSettled reports whether the node has had the time to hear of all others.
func (k *cluster) isSettled() bool {
	return k.age()-time.Duration(k.since.Load()) >= 2*k.opts.Beat
}

// isSilent reports whether a node has not been heard of for so long that it is very likely dead, although it has not been taken for gone yet.
func (k *cluster) isSilent(node uint64) bool {
	return time.Since(k.nodes.Heard(node)) > silentBeats*k.opts.Beat/2
}

// silentBeats is twice the number of beats after which a node is silent.
const silentBeats = 5

// watchSilence calls cancel when some of the nodes are silent: they need not be waited for. The others have had time to answer. The caller calls stop.
func (k *cluster) watchSilence(cancel func(), nodes []uint64) (stop func()) {
	done := make(chan struct{})
	k.running.Go(func() {
		t := time.NewTicker(k.opts.Beat / 2)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				if slices.ContainsFunc(nodes, k.isSilent) {
					cancel()
					return
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done) }
}

// awaitNode waits until a node is known, or the node knows that there is no such node. It reports whether the node is known.
func (k *cluster) awaitNode(ctx context.Context, node uint64) bool {
	for k.nodes.ID(node) == "" {
		if k.isSettled() || k.pause(ctx, claimPause) != nil {
			return false
		}
	}
	return true
}

func (k *cluster) awaitSettled(ctx context.Context) bool {
	for !k.isSettled() {
		if k.pause(ctx, claimPause) != nil {
			return false
		}
	}
	return true
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

// A claiming is the right to claim a thing of a session that is being fetched. Nobody else of this node claims it meanwhile.
type claiming struct {
	thing relay.Thing
	turn  relay.Turn
}

// beginClaims takes the right to claim the name and the place of the session.
func (a *arriving) beginClaims(ctx context.Context) *Error {
	k := a.k
	for _, t := range k.things(a.sight.Name, a.sight.User) {
		k.claims.Enter(t, k.placesOf(t))
		for {
			turn, ok, wait := k.claims.Begin(t)
			if ok {
				a.claims = append(a.claims, &claiming{t, turn})
				break
			}
			if why := k.await(ctx, wait); why != nil {
				k.claims.Leave(t)
				return why
			}
		}
	}
	return nil
}

// endClaims claims the name and the place, if the session has been taken: its keeper has given them back. It fails if somebody else was faster.
func (a *arriving) endClaims(ctx context.Context, taken bool) (why *Error) {
	k := a.k
	for _, of := range a.claims {
		again := !taken
		if taken {
			of.turn.Count(k.seatsOf(of.thing))
			for {
				holders, err := k.fill(ctx, of.thing, &of.turn)
				again = err != nil
				if err != nil || len(holders) == 0 {
					break
				}
				if !slices.Contains(holders, a.keeper) || k.pause(ctx, claimPause) != nil {
					why, again = &Error{Code: CodeSessionOver, Message: "somebody else has taken the name while the session moved"}, true
					break
				}
			}
		}
		k.claims.End(of.thing, of.turn.Needed, again)
		k.claims.Leave(of.thing)
	}
	if len(a.claims) > 0 {
		k.wake()
	}
	a.claims = nil
	return why
}

// packValues and unpackValues run the program's functions for what it keeps with a connection.
func (k *cluster) packValues(c *Conn) (packed []byte, err error) {
	if k.opts.Pack == nil {
		return nil, nil
	}
	err = k.runProgram(c, "Pack", func() (err error) {
		packed, err = k.opts.Pack(c)
		return err
	})
	return packed, err
}

func (k *cluster) unpackValues(c *Conn, packed []byte) error {
	if k.opts.Unpack == nil {
		return nil
	}
	return k.runProgram(c, "Unpack", func() error { return k.opts.Unpack(c, packed) })
}

// runProgram runs a function of the program on a goroutine of its own, which the function may end, and waits for it.
func (k *cluster) runProgram(c *Conn, what string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := error(errCrashed)
		returned := false
		defer func() {
			if !returned {
				k.srv.eng.logPanic(c, what, recover())
			}
			done <- err
		}()
		err = f()
		returned = true
	}()
	return <-done
}

// Bounds of the questions to all nodes.
const (
	strayStep  = 2 * time.Millisecond // between two
	strayBurst = 500                  // at once
)

// mayStray reports whether all nodes may be asked for the session of a newcomer that counts for an address.
func (k *cluster) mayStray(from string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moves.strays.Take(from, k.age())
}

// beginFetch reports whether a session may be fetched now, for a newcomer that counts for an address. Then the caller calls endFetch.
func (k *cluster) beginFetch(from string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moves.fetching.Take(from)
}

func (k *cluster) endFetch(from string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moves.fetching.Give(from)
}

// shareOf returns the address for which a newcomer counts, or none if the address may stand for many.
func shareOf(ar *arrival) string {
	from := addrOf(ar.stream.Info())
	if from.Many || from.Proxy {
		return ""
	}
	return from.Host
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
