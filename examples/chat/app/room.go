package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
)

// The messages of the chat:
//
//	say     call, client to server     text, a string; fails with codeBadText
//	here    command, to a newcomer     roll: the newcomer's id and all members, before any other message, unless its hello asks for group
//	here    command, client to server  no value; asks for the roll again, for a page that was reloaded
//	joined  command, to the others     member
//	left    command, to the others     member
//	renamed command, to everybody      change
//	said    command, to everybody      line; also to the speaker, and, replayed, to those who come later
//	typing  command, client to server  no value: the member is typing; see typing.go
//	typing  command, to typingGroup    member
//
// Members are told apart by id, because an id is never used twice and a name may be.
const group = "chat"

// codeBadText is the code for a message that is refused.
const codeBadText = core.CodeApplication + 1

// A member is a client in the chat.
type member struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
}

// A change is a member with its new name and its old name, Was.
type change struct {
	member
	Was string `json:"was"`
}

// A roll has the newcomer's id and all members of the chat, including the newcomer.
type roll struct {
	You  uint64   `json:"you"`
	Here []member `json:"here"`
}

// A line is a message of a member. At is when it was said, in milliseconds since 1970.
type line struct {
	ID   uint64 `json:"id"`
	From string `json:"from"`
	Text string `json:"text"`
	At   int64  `json:"at"`
}

// A room is the chat at the server.
//
// Everything for the group is queued under one lock. So all members see joins, leaves and
// messages in the same order, and a newcomer gets every change that is not in its roll. The
// notices of package core could not promise that, because they do not come with a list of members.
//
// The group keeps what is said, and nothing else. Core gives it to each client that joins the group, once: a client that
// was away too long and joins anew is given only what it has not had.
type room struct {
	srv *core.Server

	mu      sync.Mutex // guards the fields below, and the order in which messages are queued
	here    map[uint64]member
	typists typists
}

// The bounds of what a room keeps for newcomers.
const (
	keptLines = 200
	keptBytes = 128 << 10
)

// roomOptions returns the options of a chat's server: no two clients have the same name, and a client can change its
// name only to a name with which it could join. A newcomer is given what was said last.
func roomOptions() core.ServerOptions {
	return core.ServerOptions{
		History:    core.History{Messages: keptLines, Bytes: keptBytes, Replay: true},
		OverflowOf: map[string]core.Overflow{"typing": core.OverflowLatest},
		Access: core.Access{UniqueNames: true, AuthorizeName: func(_ context.Context, _ *core.Conn, name string) error {
			if err := checkName(name); err != nil {
				return core.NewError(core.CodeBadName, err.Error())
			}
			return nil
		}},
	}
}

// newRoom makes a chat of srv, which must have the options of a room and must not have been served yet.
func newRoom(srv *core.Server) *room {
	r := &room{srv: srv, here: make(map[uint64]member), typists: make(typists)}
	srv.OnJoin(r.join)
	srv.OnLeave(r.leave)
	srv.OnRename(r.renamed)
	core.Handle(srv, "say", r.say)
	core.On(srv, "here", r.hereAgain)
	core.On(srv, "typing", r.isTyping)
	return r
}

func (r *room) join(c *core.Conn) {
	if err := checkName(c.Name()); err != nil {
		c.CloseWith(core.NewError(core.CodeBadName, err.Error()))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	me := member{ID: c.ID(), Name: c.Name()}
	r.here[me.ID] = me
	// If a send fails, here and below, the client is being disconnected.
	c.Send("here", roll{You: me.ID, Here: r.rollLocked()}) //nolint:errcheck
	if c.Join(c.Context(), group) != nil {                 // which replays what was said
		delete(r.here, me.ID) // gone already
		return
	}
	r.srv.Group(group).Send("joined", me, core.Except(c), core.Transient()) //nolint:errcheck
}

// hereAgain sends the roll to a client whose page was reloaded.
func (r *room) hereAgain(_ context.Context, c *core.Conn, _ struct{}) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.here[c.ID()]; !ok {
		return nil // it was never let in
	}
	return c.Send("here", roll{You: c.ID(), Here: r.rollLocked()})
}

func (r *room) rollLocked() []member {
	return slices.SortedFunc(maps.Values(r.here), func(a, b member) int { return cmp.Compare(a.ID, b.ID) })
}

func (r *room) leave(c *core.Conn, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.here[c.ID()]
	if !ok {
		return // it was never let in
	}
	delete(r.here, m.ID)
	r.srv.Group(group).Send("left", m, core.Transient()) //nolint:errcheck // perhaps the group is empty
}

// renamed changes the name in here. The messages of a member have the name in here, so everybody is told of the
// change before the first message with the new name.
func (r *room) renamed(c *core.Conn, _, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.here[c.ID()]
	if !ok {
		return // it was never let in
	}
	was := m.Name
	m.Name = name
	r.here[m.ID] = m
	r.srv.Group(group).Send("renamed", change{m, was}, core.Transient()) //nolint:errcheck // perhaps the group is empty
}

func (r *room) say(_ context.Context, c *core.Conn, text string) (struct{}, error) {
	if err := checkText(text); err != nil {
		return struct{}{}, core.NewError(codeBadText, err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	me, ok := r.here[c.ID()]
	if !ok {
		return struct{}{}, core.NewError(core.CodeUnauthorized, "you are not in the chat")
	}
	return struct{}{}, r.srv.Group(group).Send("said", line{ID: me.ID, From: me.Name, Text: text, At: time.Now().UnixMilli()})
}
