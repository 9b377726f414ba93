package app

import (
	"context"
	"maps"
	"time"

	"github.com/hisock/hisock/core"
)

// typingGroup is the group of the clients that are told who is typing. A client that wants to know asks for the group as
// it connects, as the page does. Terminals, and programs that know nothing of it, are not bothered.
const typingGroup = "typing"

// Bounds of what a room tells about typing: notes of maxTyping members at most, each once in typingEvery at most.
// The page sends notes further apart, and shows a member as typing for longer.
const (
	typingEvery = 2 * time.Second
	maxTyping   = 8
)

// typists has the times at which notes were passed on last, by the ids of the members.
type typists map[core.ClientID]time.Time

// take reports whether a note of a member is passed on now.
func (t typists) take(id core.ClientID, now time.Time) bool {
	maps.DeleteFunc(t, func(_ core.ClientID, at time.Time) bool { return now.Sub(at) >= typingEvery })
	if _, early := t[id]; early || len(t) >= maxTyping {
		return false
	}
	t[id] = now
	return true
}

// isTyping tells others that a member is typing. The note is not kept, and a slow client is given the last note of
// each member only.
func (r *room) isTyping(_ context.Context, c *core.Conn, _ struct{}) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	me, ok := r.here[r.idOf(c)]
	if !ok || !r.typists.take(me.ID, time.Now()) {
		return nil
	}
	return r.srv.Group(typingGroup).Send("typing", me.member, core.Except(c), core.Transient(), core.Key(me.ID.String()))
}
