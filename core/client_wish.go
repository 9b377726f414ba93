package core

import (
	"github.com/hisock/hisock/core/internal/groupset"
	"github.com/hisock/hisock/core/wire"
)

// A wish is what a client asks for as it joins, and what has become of that since. A client that
// joins anew asks for the groups that it is in by then, and for the name that it was given last at
// its own request. What the server gave without being asked it gives again, if it likes.
type wish struct {
	name   string
	groups []string // of the hello
	rename string   // a name to ask for once it has joined; empty if there is none
	more   int      // bytes of groups of the hello that are not of the options

	later groupset.Set // groups to ask for once it has joined
	given groupset.Set // groups that the server put it in as it joined, without having been asked
}

// wishBytes is how much a hello carries of groups that are not of the options.
const wishBytes = 4 << 10

// wishFor is what the client asks for that joins anew in the place of last, or for the first time if
// last is nil.
func (cl *Client) wishFor(last *Conn) *wish {
	w := &wish{name: cl.opts.Name}
	if last == nil || last.classic != nil {
		w.groups = cl.opts.Groups
		return w
	}
	plain := last.eng.run.plain
	last.mu.Lock()
	defer last.mu.Unlock()
	old := last.wish
	name := old.name
	if old.rename != "" {
		name = old.rename
	}
	if plain && name != w.name {
		w.rename = name
	} else {
		w.name = name
	}
	var own, seen groupset.Set
	for _, g := range cl.opts.Groups {
		own.Add(g, -1)
	}
	want := func(g string) {
		if fresh, _ := seen.Add(g, -1); fresh {
			w.want(g, own.Has(g), plain)
		}
	}
	for _, g := range last.groups.Names() {
		if !old.given.Has(g) {
			want(g)
		}
	}
	for _, g := range old.later.Names() {
		want(g)
	}
	for i := range last.refused {
		want(last.refused[i].Name)
	}
	return w
}

// want adds a group, which is one of the options or not. A plain wish has only those in its hello.
func (w *wish) want(g string, own, plain bool) {
	size := len(g) + 4
	switch {
	case own:
		w.groups = append(w.groups, g)
	case plain || w.more+size > wishBytes:
		w.later.Add(g, -1)
	default:
		w.groups = append(w.groups, g)
		w.more += size
	}
}

// simplify makes a client whose hello was refused, maybe for what the options do not ask for, try
// again with what they do. It reports false if that is what it had.
func (cl *Client) simplify(last *Conn, why *Error) bool {
	w := cl.wishFor(last)
	switch why.Code {
	case CodeTooBig, CodeTooManyGroups, CodeBadName:
		last.eng.run.plain = w.more > 0 || w.name != cl.opts.Name
	case CodeNameTaken:
		last.eng.run.plain = w.name != cl.opts.Name
	default:
		return false
	}
	return last.eng.run.plain
}

// answered notes whether the server has done what the client has asked for.
func (c *Conn) answered(k wire.Kind, name string, done bool) {
	c.mu.Lock()
	w := c.wish
	if k == wire.KindAskRename {
		w.rename = ""
		if done {
			w.name = name
		}
	} else {
		w.later.Remove(name)
		if done {
			w.given.Remove(name)
		}
	}
	c.mu.Unlock()
}

// askLater asks for what the hello left out, once the client has joined.
func (cl *Client) askLater(c *Conn) {
	c.mu.Lock()
	later, rename := c.wish.later.Names(), c.wish.rename
	c.mu.Unlock()
	if len(later) == 0 && rename == "" || !c.hold() {
		return
	}
	go func() {
		defer c.exit()
		if rename != "" {
			cl.askAgain(c, wire.KindAskRename, rename)
		}
		for _, g := range later {
			cl.askAgain(c, wire.KindAskJoin, g)
		}
	}()
}

// askAgain asks for one thing that the client had before, and tells the program if the server
// refuses it. A server that wants to be asked later is.
func (cl *Client) askAgain(c *Conn, k wire.Kind, name string) {
	for {
		err := cl.change(c.ctx, c, k, name)
		if err == nil || c.isEnded() {
			return
		}
		why := asError(err)
		if why.RetryAfter <= 0 {
			c.eng.faultOf(c, "the server refuses what the client had before", why, "change", k.String(), "to", name)
			c.answered(k, name, false)
			return
		}
		ctx, stop := within(c.ctx, why.RetryAfter)
		<-ctx.Done()
		stop()
	}
}
