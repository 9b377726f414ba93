package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
)

// The messages of the chat:
//
//	say     call, client to server     text, a string; fails with codeBadText
//	here    command, to a newcomer     roll: the newcomer's id and all members, before any other message, unless its hello asks for group
//	here    command, client to server  no value; asks for the roll again, for a page that was reloaded
//	node    command, to the clients    place; to a newcomer behind its roll, and again when it changes, if the server is a node of a cluster
//	joined  command, to the others     member
//	left    command, to the others     member
//	renamed command, to everybody      change
//	said    command, to everybody      line; also to the speaker, and, replayed, to those who come later
//	typing  command, client to server  no value: the member is typing; see typing.go
//	typing  command, to typingGroup    member
//
// Members are told apart by id, because an id is never used twice in a whole cluster and a name may be.
const group = "chat"

// codeBadText is the code for a message that is refused.
const codeBadText = core.CodeApplication + 1

// A member is a client in the chat. Node is the node of a member that is elsewhere; see cluster.go.
type member struct {
	ID   core.ClientID `json:"id"`
	Name string        `json:"name"`
	Node string        `json:"node,omitempty"`
}

// A change is a member with its new name and its old name, Was.
type change struct {
	member
	Was string `json:"was"`
}

// A roll has the newcomer's id and all members of the chat, including the newcomer.
type roll struct {
	You  core.ClientID `json:"you"`
	Here []member      `json:"here"`
}

// A line is a message of a member. At is when it was said, in milliseconds since 1970.
type line struct {
	ID   core.ClientID `json:"id"`
	From string        `json:"from"`
	Text string        `json:"text"`
	At   int64         `json:"at"`
}

// A room is the chat at the server.
//
// Everything that a server tells its members is queued under one lock. So all see joins, leaves and
// messages in the same order, and a newcomer gets every change that is not in its roll. The
// notices of package core could not promise that, because they do not come with a list of members.
// In a cluster messages go to the members of all nodes, and everything else goes to the members at home: each
// room tells its own members of those who are elsewhere. See cluster.go.
//
// The group keeps what is said, and nothing else. Core gives it to each client that joins the group, once: a client that
// was away too long and joins anew is given only what it has not had.
type room struct {
	srv  *core.Server
	home string // the group of the members at this server

	mu      sync.Mutex // guards the fields below, and the order in which messages are queued
	here    map[core.ClientID]present
	came    int // members that have come so far
	typists typists
}

// A present is a member who is here, at this node or elsewhere, with its place in the order of coming.
type present struct {
	member
	order int
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

// homePrefix begins the names of the groups at home. A client of the original is told one group of another client, the first in the order
// of the alphabet: it is to be the group of the chat.
const homePrefix = "node "

// newRoom makes a chat of srv, which must have the options of a room and must not have been served yet.
func newRoom(srv *core.Server) *room {
	home := homePrefix + strconv.FormatUint(srv.Cluster().Node().Number, 16)
	r := &room{srv: srv, home: home, here: make(map[core.ClientID]present), typists: make(typists)}
	srv.OnJoin(r.join)
	srv.OnLeave(r.leave)
	srv.OnRename(r.renamed)
	core.Handle(srv, "say", r.say)
	core.On(srv, "here", r.hereAgain)
	core.On(srv, "typing", r.isTyping)
	return r
}

func (r *room) join(c *core.Conn) {
	if isObserver(c) {
		return
	}
	if err := checkName(c.Name()); err != nil {
		c.CloseWith(core.NewError(core.CodeBadName, err.Error()))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letInLocked(c)
}

// letInLocked tells a newcomer who is here and the others that it is.
func (r *room) letInLocked(c *core.Conn) {
	me := member{ID: r.idOf(c), Name: c.Name()}
	r.addLocked(me)
	r.sendRollLocked(c)                                                          //nolint:errcheck // if a send fails, here and below, the client is being disconnected
	if c.Join(c.Context(), group) != nil || c.Join(c.Context(), r.home) != nil { // the first replays what was said
		delete(r.here, me.ID) // gone already
		return
	}
	r.tellLocked("joined", me, core.Except(c))
}

// hereAgain sends the roll to a client whose page was reloaded.
func (r *room) hereAgain(_ context.Context, c *core.Conn, _ struct{}) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.here[r.idOf(c)]; !ok {
		return nil // it was never let in
	}
	return r.sendRollLocked(c)
}

// sendRollLocked tells a client who is here, and in a cluster where it is itself.
func (r *room) sendRollLocked(c *core.Conn) error {
	present := slices.SortedFunc(maps.Values(r.here), func(a, b present) int { return cmp.Compare(a.order, b.order) })
	all := make([]member, len(present))
	for i, p := range present {
		all[i] = p.member
	}
	if err := c.Send("here", roll{You: r.idOf(c), Here: all}); err != nil || !r.isNode() {
		return err
	}
	return c.Send("node", r.place())
}

func (r *room) leave(c *core.Conn, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(r.idOf(c))
}

// renamed changes the name in here. The messages of a member have the name in here, so everybody at this server is told of the
// change before the first message with the new name.
func (r *room) renamed(c *core.Conn, _, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.renameLocked(r.idOf(c), name)
}

// addLocked notes a member. Names are unique, so a member elsewhere with that name has moved or left, and the room has not heard of it yet.
func (r *room) addLocked(m member) {
	for id, p := range r.here {
		if p.Name == m.Name && p.Node != "" {
			r.removeLocked(id)
		}
	}
	r.came++
	r.here[m.ID] = present{m, r.came}
}

// removeLocked removes a member, unless it was never let in.
func (r *room) removeLocked(id core.ClientID) {
	p, ok := r.here[id]
	if !ok {
		return
	}
	delete(r.here, id)
	r.tellLocked("left", p.member)
}

// renameLocked changes the name of a member, unless it was never let in.
func (r *room) renameLocked(id core.ClientID, name string) {
	p, ok := r.here[id]
	if !ok {
		return
	}
	was := p.Name
	p.Name = name
	r.here[id] = p
	r.tellLocked("renamed", change{p.member, was})
}

// tellLocked tells the members at this server what has happened.
func (r *room) tellLocked(command string, v any, more ...core.SendOption) {
	r.srv.Group(r.home).Send(command, v, append(more, core.Transient())...) //nolint:errcheck // perhaps the group is empty
}

func (r *room) idOf(c *core.Conn) core.ClientID { return r.srv.Cluster().IDOf(c) }

func (r *room) say(_ context.Context, c *core.Conn, text string) (struct{}, error) {
	if err := checkText(text); err != nil {
		return struct{}{}, core.NewError(codeBadText, err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	me, ok := r.here[r.idOf(c)]
	if !ok {
		return struct{}{}, core.NewError(core.CodeUnauthorized, "you are not in the chat")
	}
	return struct{}{}, r.srv.Group(group).Send("said", line{ID: me.ID, From: me.Name, Text: text, At: time.Now().UnixMilli()})
}
