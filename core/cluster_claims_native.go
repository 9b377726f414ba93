//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/roster"
)

// A newcomer takes its name and its place among the connections of its user twice: first the node claims them in the cluster,
// if it does not hold them, and then the client takes them at the node, as at a server that is alone. When the last client of the node has left,
// the node gives the claim back. While the relay cannot be reached nothing is claimed, and nothing that is held is given away: newcomers that need a claim are told to come later.

// claimTime bounds how long the relay may take to decide about a claim.
const claimTime = 5 * time.Second

// things returns what a client with that name and user needs a claim for.
func (k *cluster) things(name, user string) (things []relay.Thing) {
	if name != "" && k.srv.opts.Access.UniqueNames {
		things = append(things, relay.Thing{To: relay.ToNamed, Name: roster.Fold(name)})
	}
	if user != "" && k.srv.opts.Limits.MaxConnsPerUser > 0 {
		things = append(things, relay.Thing{To: relay.ToUser, Name: user})
	}
	return things
}

// placesOf returns how many clients of the cluster may have a thing, and seatsOf how many of this node have it.
func (k *cluster) placesOf(t relay.Thing) int {
	if t.To == relay.ToUser {
		return k.srv.opts.Limits.MaxConnsPerUser
	}
	return 1
}

func (k *cluster) seatsOf(t relay.Thing) int {
	if t.To == relay.ToUser {
		return k.srv.roster.SeatsOfUser(t.Name)
	}
	return k.srv.roster.SeatsOfName(t.Name)
}

// claim claims the name and the user of a newcomer for this node. name is the name that it asks for. Unless claim fails, the caller calls done when the newcomer has its
// seats, or will not have them.
func (s *Server) claim(ctx context.Context, c *Conn, name, user string) (done func(), why *Error) {
	k := s.cluster
	if k == nil {
		return nothing, nil
	}
	things := k.things(name, user)
	if len(things) == 0 {
		return nothing, nil
	}
	for _, t := range things {
		k.claims.Enter(t, k.placesOf(t))
	}
	done = func() {
		for _, t := range things {
			k.claims.Leave(t)
		}
		k.wake()
	}
	for i, t := range things {
		if why, left := k.claimOne(ctx, c, t); why != nil {
			if left {
				things = slices.Delete(slices.Clone(things), i, i+1)
			}
			done()
			if why.Code == CodeNameTaken {
				why = nameTaken(name)
			}
			return nil, why
		}
	}
	return done, nil
}

func nothing() {}

// wake has keepClaims look for claims to give back.
func (k *cluster) wake() {
	if k.claims.IsDue() {
		select {
		case k.regain <- struct{}{}:
		default:
		}
	}
}

// unclaim notes that a client has given up a name, folded, or its user: the node may give the claim back.
func (s *Server) unclaim(names []string, user string) {
	k := s.cluster
	if k == nil {
		return
	}
	for _, name := range names {
		k.claims.Due(relay.Thing{To: relay.ToNamed, Name: name})
	}
	if user != "" {
		k.claims.Due(relay.Thing{To: relay.ToUser, Name: user})
	}
	k.wake()
}

// claimOne makes the node hold a place of t for one more client. If all places are taken, the clients that have them are asked to make room. left reports that it
// has failed, and that the newcomer counts as one of t no more.
func (k *cluster) claimOne(ctx context.Context, c *Conn, t relay.Thing) (why *Error, left bool) {
	patience := k.srv.opts.Timeouts.Hello
	if patience == 0 {
		patience = defaultHelloTime
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(k.deciding, cancel)() // a Shutdown has begun
	for tries := 0; ; tries++ {
		turn, ok, wait := k.claims.Begin(t)
		if !ok {
			if wait == nil { // it cannot be: the caller has entered
				return NewError(CodeInternal, "a claim that nobody needs"), false
			}
			if why := k.await(ctx, wait); why != nil {
				return why, false
			}
			continue
		}
		turn.Count(k.seatsOf(t))
		holders, err := k.fill(ctx, t, &turn)
		k.claims.End(t, turn.Needed, err != nil)
		switch {
		case err != nil:
			k.wake()
			return k.srv.later(wrapError(CodeUnavailable, "the name and the user cannot be claimed in the cluster", err)), false
		case len(holders) == 0:
			return nil, false
		case turn.Pending > 1 && t.To == relay.ToUser && tries < claimTries: // another newcomer of this node may need no place, or have its seat already
			if why := k.pause(ctx, claimPause); why != nil {
				return why, false
			}
			continue
		}
		switch k.makeRoom(ctx, c, t, holders) {
		case roomRefused:
			if k.claims.Yield(t, k.seatsOf(t)) {
				return k.taken(t), true
			}
		case roomUnanswered:
			if why := k.pause(ctx, silentPause); why != nil {
				return why, false
			}
		}
	}
}

// pause waits for a time. It fails if ctx ends first.
func (k *cluster) pause(ctx context.Context, d time.Duration) *Error {
	over := make(chan struct{})
	t := time.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	return k.await(ctx, over)
}

// silentPause is the time until a newcomer asks again for a place of a node that does not answer: it may have died, and then its claims end with
// the lease.
const silentPause = 100 * time.Millisecond

// While another newcomer of the same user is about to take a place, a newcomer that finds none tries again claimTries times, each claimPause later.
const (
	claimTries = 20
	claimPause = 20 * time.Millisecond
)

func (k *cluster) await(ctx context.Context, changed <-chan struct{}) *Error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
	}
	if k.srv.isClosing() {
		return errShuttingDown
	}
	return k.srv.later(NewError(CodeUnavailable, "the cluster takes too long to decide"))
}

// taken is the error for a newcomer that gets no place of t.
func (k *cluster) taken(t relay.Thing) *Error {
	if t.To == relay.ToUser {
		return NewError(CodeTooManyConns, "the user has "+strconv.Itoa(k.placesOf(t))+" connections")
	}
	return nameTaken(t.Name)
}

// fill claims places until the node holds as many as the turn needs. If there are too few, it returns the nodes that hold the
// others, this one included if it holds some.
func (k *cluster) fill(ctx context.Context, t relay.Thing, turn *relay.Turn) (holders []uint64, err error) {
	if why := k.isUp(); why != nil { // what the node holds may belong to another one by now
		return nil, why
	}
	if len(turn.Held) >= turn.Needed {
		return nil, nil
	}
	p := k.node.Load()
	if p == nil {
		return nil, errNotJoined
	}
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	for _, place := range rand.Perm(turn.Places) { // so that nodes do not all begin with the same places
		if len(turn.Held) >= turn.Needed {
			return nil, nil
		}
		if slices.Contains(turn.Held, place) {
			continue
		}
		mine, held, err := (*p).Claim(ctx, t.Key(place), binary.BigEndian.AppendUint64(nil, k.self))
		switch {
		case err != nil:
			k.claims.Doubt(t, place)
			return nil, err
		case mine:
			k.claims.Held(t, place, turn.Lap)
			turn.Held = append(turn.Held, place)
		default:
			k.claims.Released(t, place)
			var of uint64
			if len(held) == 8 {
				of = binary.BigEndian.Uint64(held)
			}
			holders = append(holders, of)
		}
	}
	if len(turn.Held) >= turn.Needed {
		return nil, nil
	}
	if len(turn.Held) > 0 {
		holders = append([]uint64{k.self}, holders...)
	}
	slices.Sort(holders)
	holders = slices.Compact(holders)
	if i := slices.Index(holders, k.self); i > 0 { // this node first
		holders[0], holders[i] = holders[i], holders[0]
	}
	return holders, nil
}

// keepClaims makes claims again and gives them back when that is due, until the node closes.
func (k *cluster) keepClaims() {
	for {
		select {
		case <-k.regain:
			k.regainClaims()
		case <-k.ctx.Done():
			return
		}
	}
}

// regainClaims looks at all things that are due: it gives back places that the node needs no more, and claims again what it has lost.
func (k *cluster) regainClaims() {
	due := k.claims.TakeDue()
	if len(due) == 0 {
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(len(due), settlers) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(due) {
					return
				}
				k.settle(k.ctx, due[i])
			}
		})
	}
	all.Wait()
}

// settlers is how many things are settled at one time.
const settlers = 16

// settle gives back the places of t that the node needs no more, and claims those that it needs and does not hold. A client for whom there is no place any
// more is disconnected.
func (k *cluster) settle(ctx context.Context, t relay.Thing) {
	turn, ok, wait := k.claims.Begin(t)
	if !ok {
		if wait != nil {
			k.claims.Due(t) // whoever has the turn may not know of the last change
		}
		return
	}
	seats := k.seatsOf(t)
	turn.Count(seats)
	again := false
	defer func() { k.claims.End(t, turn.Needed, again) }()
	p := k.node.Load()
	if p == nil || !k.up.Load() {
		again = true
		return
	}
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	give := turn.Doubt
	if len(turn.Held) > turn.Needed {
		give = append(slices.Clone(give), turn.Held[turn.Needed:]...)
	}
	if len(turn.Held) < min(turn.Places, seats) { // what newcomers need they claim themselves
		lacks := turn
		lacks.Needed = min(turn.Places, seats)
		holders, err := k.fill(ctx, t, &lacks)
		if err != nil {
			again = true
			return
		}
		if turn.Held = lacks.Held; len(holders) > 0 {
			k.forfeit(t, lacks.Needed-len(lacks.Held))
		}
		give = slices.DeleteFunc(slices.Clone(give), func(place int) bool { return slices.Contains(turn.Held, place) })
	}
	for _, place := range give {
		if (*p).Release(ctx, t.Key(place)) != nil {
			k.claims.Doubt(t, place)
			again = true
			continue
		}
		k.claims.Released(t, place)
	}
}

// forfeit ends the newest n clients of this node that have t: while the node was cut off, others have taken their places.
func (k *cluster) forfeit(t relay.Thing, n int) {
	holders := k.holders(t)
	for _, c := range holders[max(len(holders)-n, 0):] {
		k.srv.eng.log.warn(c, "a client has lost its place to another node", nil)
		k.srv.dislodge(c)
	}
}

// claimName is claim for a client that changes its name.
func (s *Server) claimName(ctx context.Context, c *Conn, name string) (done func(), why *Error) {
	if name == "" || roster.Fold(name) == roster.Fold(c.Name()) {
		return nothing, nil
	}
	return s.claim(ctx, c, name, "")
}
