//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
)

// A roomOutcome is what has become of asking clients to make room.
type roomOutcome uint8

const (
	roomRefused    roomOutcome = iota // none does
	roomMade                          // one has left
	roomUnanswered                    // a node does not answer, and may have died
)

// holder returns the node that has claimed t; known is false if none has.
func (k *cluster) holder(ctx context.Context, t relay.Thing) (node uint64, known bool, err error) {
	p := k.node.Load()
	if p == nil {
		return 0, false, errNotJoined
	}
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	value, known, err := (*p).Lookup(ctx, t.Key(0))
	if err != nil || !known {
		return 0, false, err
	}
	if len(value) != 8 {
		return 0, true, nil
	}
	return binary.BigEndian.Uint64(value), true, nil
}

// makeRoom asks the nodes that hold the places of t, one after the other, to make one of their clients leave for c, as the
// Conflict of the options says.
func (k *cluster) makeRoom(ctx context.Context, c *Conn, t relay.Thing, holders []uint64) roomOutcome {
	result := roomRefused
	for _, n := range holders {
		if n == k.self {
			if holder := k.conflict(t).amongOthers(k.holders(t), c, c.User()); holder != nil && k.srv.replace(ctx, holder, c) {
				return roomMade
			}
			continue
		}
		if k.nodes.ID(n) == "" { // it is not there any more, or has not said that it is
			result = roomUnanswered
			continue
		}
		q := relay.Question{Subject: relay.MakeRoom, To: t.To, Name: t.Name, Word: c.User()}
		done := false
		left, err := k.ask(ctx, []uint64{n}, relay.Topic{To: relay.ToConn, Node: n}, q, func(_ uint64, a relay.Answer) bool {
			done = a.Code == 0
			return true
		})
		switch {
		case done:
			return roomMade
		case len(left) > 0 || err != nil:
			result = roomUnanswered
		}
	}
	return result
}

func (k *cluster) conflict(t relay.Thing) Conflict {
	if t.To == relay.ToUser {
		return k.srv.opts.Access.UserConflict
	}
	return k.srv.opts.Access.NameConflict
}

// holders returns the clients of this node that have t.
func (k *cluster) holders(t relay.Thing) []*Conn {
	if t.To == relay.ToUser {
		return k.srv.roster.HoldersOfUser(t.Name)
	}
	return k.srv.roster.HoldersOfName(t.Name)
}

// amongOthers is among for a newcomer of the user, which may be at another node. c is nil then.
func (k Conflict) amongOthers(holders []*Conn, c *Conn, user string) *Conn {
	if k == ConflictRefuse {
		return nil
	}
	for _, h := range holders {
		if h == c {
			continue
		}
		if away := h.Suspended() || h.isEnded(); away && (k == ConflictReplace || user != "" && h.User() == user) {
			return h
		}
	}
	if k == ConflictReplace && len(holders) > 0 && holders[0] != c {
		return holders[0]
	}
	return nil
}

// answerMakeRoom makes a client of this node leave for a newcomer at another node, and gives the place back.
func (k *cluster) answerMakeRoom(ctx context.Context, q relay.Question) ([]byte, error) {
	t := relay.Thing{To: q.To, Name: q.Name}
	holder := k.conflict(t).amongOthers(k.holders(t), nil, q.Word)
	if holder == nil {
		return nil, k.taken(t)
	}
	k.srv.dislodge(holder)
	select {
	case <-holder.Done():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for slices.Contains(k.holders(t), holder) { // others are being told that it has left
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	k.settle(ctx, t)
	return nil, nil
}
