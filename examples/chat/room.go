package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/hisock/hisock/core"
)

// What is said over a connection:
//
//	say     call, client to server     text, a string; fails with codeBadText
//	here    command, to a newcomer     roll: who it is and who is here, before anything else
//	here    command, client to server  nothing: the roll again, for a page that was reloaded
//	joined  command, to the others     member
//	left    command, to the others     member
//	renamed command, to everybody      change
//	said    command, to everybody      line; the speaker gets it too, as the others do
//
// Clients are told apart by id: it is never used twice, a name may be.
const group = "chat"

// codeBadText is why a message is not passed on.
const codeBadText = core.CodeApplication + 1

// A member is somebody in the chat.
type member struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
}

// A change says what a member is called now, and was before.
type change struct {
	member
	Was string `json:"was"`
}

// A roll says who a newcomer is, and who is in the chat, the newcomer included.
type roll struct {
	You  uint64   `json:"you"`
	Here []member `json:"here"`
}

// A line is what somebody said.
type line struct {
	ID   uint64 `json:"id"`
	From string `json:"from"`
	Text string `json:"text"`
}

// A room is the chat at the server.
//
// Everything that is told to all is queued under one lock, so that all see joins, leaves and
// messages in the same order, and a newcomer misses none that is not in its roll. The
// notices of core, for which there is no such list, could not promise that.
type room struct {
	srv *core.Server

	mu   sync.Mutex // guards here, and the order in which things are queued
	here map[uint64]member
}

// roomOptions are what a chat needs of its server: no name is there twice, and none is taken by
// changing it that nobody could come in under.
func roomOptions() core.ServerOptions {
	return core.ServerOptions{
		Access: core.Access{UniqueNames: true, AuthorizeName: func(_ context.Context, _ *core.Conn, name string) error {
			if err := checkName(name); err != nil {
				return core.NewError(core.CodeBadName, err.Error())
			}
			return nil
		}},
	}
}

// newRoom makes srv, which has the options of a room, a chat. It must not have been served yet.
func newRoom(srv *core.Server) *room {
	r := &room{srv: srv, here: make(map[uint64]member)}
	srv.OnJoin(r.join)
	srv.OnLeave(r.leave)
	srv.OnRename(r.renamed)
	core.Handle(srv, "say", r.say)
	core.On(srv, "here", r.hereAgain)
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
	if c.Join(c.Context(), group) != nil {
		return // gone already
	}
	r.here[me.ID] = me
	// Who cannot be sent to is being disconnected, here and below.
	c.Send("here", roll{You: me.ID, Here: r.rollLocked()}) //nolint:errcheck
	r.srv.Group(group).Send("joined", me, core.Except(c))  //nolint:errcheck
}

// hereAgain tells a client that has kept its seat what a newcomer is told.
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
	r.srv.Group(group).Send("left", m) //nolint:errcheck // perhaps nobody is left to be told
}

// renamed keeps the roll. What somebody says is said under the name in it, so that all hear of the
// change before.
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
	r.srv.Group(group).Send("renamed", change{m, was}) //nolint:errcheck // perhaps nobody is left to be told
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
	return struct{}{}, r.srv.Group(group).Send("said", line{ID: me.ID, From: me.Name, Text: text})
}
