package core

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// A wish is what a client asks for as it joins, and what has become of that since. A client that
// joins anew asks for the groups that it is in by then, and for the name that it was given last at
// its own request. What the server gave without being asked it gives again, if it likes.
type wish struct {
	name   string
	groups []string // of the hello
	later  []string // groups to ask for once it has joined, since they may not fit the hello
	rename string   // a name to ask for then, since the hello was refused with it; empty if there is none
	given  []string // groups that the server has put it in as it joined, without having been asked
}

// plain is what the options say.
func (cl *Client) plain() wish {
	return wish{name: cl.opts.Name, groups: cl.opts.Groups}
}

// wishFor is what the client asks for that joins anew in the place of last, or for the first time if last is nil.
func (cl *Client) wishFor(last *Conn) wish {
	if last == nil || last.classic != nil {
		return cl.plain()
	}
	last.mu.Lock()
	old := *last.wish
	wanted := slices.Clone(last.groups)
	last.mu.Unlock()
	keep := wanted[:0]
	for _, g := range wanted {
		if !slices.Contains(old.given, g) {
			keep = append(keep, g)
		}
	}
	wanted = append(keep, old.later...)
	for i := range last.refused {
		wanted = append(wanted, last.refused[i].Name)
	}
	w := wish{name: old.name}
	if old.rename != "" {
		w.name = old.rename
	}
	// Those of the options come first: they fit.
	room := wishBytes
	for _, own := range []bool{true, false} {
		for _, g := range wanted {
			switch {
			case slices.Contains(cl.opts.Groups, g) != own, slices.Contains(w.groups, g):
			case own, len(g)+4 <= room:
				w.groups = append(w.groups, g)
				room -= len(g) + 4
			default:
				w.later = append(w.later, g)
			}
		}
	}
	if last.eng.run.plain {
		return cl.split(w)
	}
	return w
}

// wishBytes is how much a hello carries of groups that are not of the options.
const wishBytes = 4 << 10

// split is w with the hello that the options say.
func (cl *Client) split(w wish) wish {
	p := wish{name: cl.opts.Name}
	for _, g := range append(w.groups, w.later...) {
		if slices.Contains(cl.opts.Groups, g) {
			p.groups = append(p.groups, g)
		} else {
			p.later = append(p.later, g)
		}
	}
	if w.name != p.name {
		p.rename = w.name
	}
	return p
}

// simplify makes a client whose hello was refused, maybe for what the options do not ask for, try again
// with what they do. It reports false if that is what it had.
func (cl *Client) simplify(last *Conn, why *Error) bool {
	switch why.Code {
	case CodeTooBig, CodeTooManyGroups, CodeBadName, CodeNameTaken:
	default:
		return false
	}
	r := last.eng.run
	if r.plain {
		return false
	}
	w := cl.wishFor(last)
	r.plain = w.name != cl.opts.Name
	for _, g := range w.groups {
		r.plain = r.plain || why.Code != CodeNameTaken && !slices.Contains(cl.opts.Groups, g)
	}
	return r.plain
}

// setWish notes what the client has asked for as it joined, or went on with a session of which it
// knows nothing more. Nobody knows the connection yet.
func (c *Conn) setWish(w wish, resumed bool) {
	for _, g := range c.groups {
		if !resumed && !slices.Contains(w.groups, g) {
			w.given = append(w.given, g)
		}
	}
	c.wish = &w
}

// wished notes that the server has done what the client has asked for.
func (c *Conn) wished(k wire.Kind, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch w := c.wish; k {
	case wire.KindAskRename:
		w.name, w.rename = name, ""
	default:
		w.given = except(w.given, name)
		w.later = except(w.later, name)
	}
}

// except returns the others of all.
func except(all []string, one string) (others []string) {
	for _, s := range all {
		if s != one {
			others = append(others, s)
		}
	}
	return others
}

// askLater asks for what did not fit the hello, once the client has joined.
func (cl *Client) askLater(c *Conn) {
	c.mu.Lock()
	later, rename := c.wish.later, c.wish.rename
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
			c.eng.fault(c, why)
			c.unwish(k, name)
			return
		}
		t := time.NewTimer(why.RetryAfter)
		select {
		case <-t.C:
		case <-c.ctx.Done():
		}
		t.Stop()
	}
}

// unwish notes that the server will not have it.
func (c *Conn) unwish(k wire.Kind, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k == wire.KindAskRename {
		c.wish.rename = ""
		return
	}
	c.wish.later = except(c.wish.later, name)
}
