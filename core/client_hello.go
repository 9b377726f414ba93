package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/groupset"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// helloFor returns a hello to resume last, if resume is set, or to join in the place of last, which may be nil.
// With an AuthFunc a hello to resume asks for nothing else: if the session is over the server refuses it, and the client
// joins with a fresh Auth.
func (cl *Client) helloFor(ctx context.Context, last *Conn, resume bool) (*wire.Hello, *wish, error) {
	w := cl.wishFor(last)
	h := &wire.Hello{
		Notices: cl.wantsNotices(), MaxFrame: uint64(cl.cfg.maxFrame),
		Resume: !cl.opts.Retry.Off, AckBytes: uint64(session.AckAt(cl.cfg.queueBytes)),
	}
	if resume && last.sess.Token() != nil {
		h.Session, h.Token, h.Received = last.sess.ID(), last.sess.Token(), last.sess.Received()
	} else if s := cl.parked; last == nil && s != nil {
		h.Session, h.Token, h.Received = s.ID, s.Token, s.Received
	}
	if h.OnlyResume = h.Token != nil && cl.opts.AuthFunc != nil; h.OnlyResume {
		return h, w, nil
	}
	h.Name, h.Groups, h.Metadata = w.name, w.groups, cl.opts.Metadata
	if cl.opts.Classic != nil {
		return h, w, nil
	}
	var err error
	h.Auth, err = cl.auth(ctx)
	cl.tellPositions(h)
	return h, w, err
}

// hello returns the first bytes that the client sends. With the option Classic they are in the original's protocol, and
// hello returns the peer too.
func (cl *Client) hello(h *wire.Hello) ([]byte, *legacyPeer, error) {
	if cl.opts.Name != "" {
		if err := checkName(cl.opts.Name, defaultMaxHello); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range cl.opts.Groups {
		if err := checkName(g, defaultMaxHello); err != nil {
			return nil, nil, err
		}
	}
	if cl.opts.Classic != nil {
		return cl.helloLegacy()
	}
	return wire.AppendHello([]byte(wire.Preface), h), nil, nil
}

// wantsNotices reports whether the client asks to be told of other clients.
func (cl *Client) wantsNotices() bool { return cl.onCome != nil || cl.onGo != nil || cl.onNamed != nil }

var errNoNotices = &Error{Code: CodeUnsupported, Message: "the server tells this client of no others"}

// A wish is the name and the groups that a client asks for as it joins, and which requests are still to be made. A client
// that joins anew asks for the groups that it was in last, and for the name that it was given last at
// its own request. It does not ask for groups that the server gave without being asked: the server may give them again.
type wish struct {
	groups []string // of the hello
	more   int      // the size in bytes of the groups of the hello that are not in the options

	later groupset.Set // groups to ask for once the client has joined
	given groupset.Set // groups that the server put the client into as it joined, without having been asked

	mu     lock.Mutex[lock.Wish] // guards the fields below; held when both later and given are looked at or changed
	name   string                // the name to ask for when the client joins anew
	rename string                // a name to ask for once the client has joined; empty if there is none
}

// wishBytes bounds the groups of a hello that are not in the options, in bytes.
const wishBytes = 4 << 10

// wishFor returns the wish of a client that joins anew in the place of last, or that joins for the first time if
// last is nil.
func (cl *Client) wishFor(last *Conn) *wish {
	w := &wish{name: cl.opts.Name}
	if last == nil {
		w.groups = cl.opts.Groups
		return w
	}
	plain := last.eng.campaign.plain
	old := last.atClient.wish
	old.mu.Lock()
	defer old.mu.Unlock()
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
	for _, g := range last.who.Groups() {
		if !old.given.Has(g) {
			want(g)
		}
	}
	for _, g := range old.later.Names() {
		want(g)
	}
	for i := range last.atClient.refused {
		want(last.atClient.refused[i].Name)
	}
	return w
}

// want adds a group. own says that the group is in the options. The hello of a plain wish has only such groups.
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

// simplify makes the next hello plain: it asks for the name and groups of the options only. It is called after a hello
// was refused, and reports false if the reason for that was not in the name and groups, or if the hello had no others.
func (cl *Client) simplify(last *Conn, why *Error) bool {
	w := cl.wishFor(last)
	switch why.Code {
	case CodeTooBig, CodeTooManyGroups, CodeBadName:
		last.eng.campaign.plain = w.more > 0 || w.name != cl.opts.Name
	case CodeNameTaken:
		last.eng.campaign.plain = w.name != cl.opts.Name
	default:
		return false
	}
	return last.eng.campaign.plain
}

// answered notes the answer to a request for a change: whether the server has made the change.
func (c *Conn) answered(k wire.Kind, name string, done bool) {
	w := c.atClient.wish
	w.mu.Lock()
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
	w.mu.Unlock()
}

// askLater asks for the name and the groups that the hello left out, once the client has joined.
func (cl *Client) askLater(c *Conn) {
	w := c.atClient.wish
	w.mu.Lock()
	later, rename := w.later.Names(), w.rename
	w.mu.Unlock()
	if len(later) == 0 && rename == "" || !c.life.tryEnter() {
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

// askAgain asks for one name or group that the client had before, and tells the program if the server
// refuses it. If the server says when to ask again, it does so.
func (cl *Client) askAgain(c *Conn, k wire.Kind, name string) {
	for {
		err := cl.change(c.Context(), c, k, name)
		if err == nil || c.isEnded() {
			return
		}
		why := asError(err)
		if why.RetryAfter <= 0 {
			c.eng.faultOf(c, "the server refuses what the client had before", why, "change", k.String(), "to", name)
			c.answered(k, name, false)
			return
		}
		ctx, stop := within(c.Context(), why.RetryAfter)
		<-ctx.Done()
		stop()
	}
}

// attemptTime is how long AuthFunc may take.
const attemptTime = 15 * time.Second

// auth returns the Auth of the next hello.
func (cl *Client) auth(ctx context.Context) ([]byte, error) {
	if cl.opts.AuthFunc == nil {
		return cl.opts.Auth, nil
	}
	asked, stop := within(ctx, attemptTime)
	defer stop()
	answer, err := cl.askAuth(asked)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case asked.Err() != nil:
		return nil, wrapError(CodeUnavailable, "AuthFunc took too long", context.Cause(asked))
	}
	if e, ok := asCoded(err); ok && e != nil {
		return nil, err
	}
	return nil, wrapError(CodeUnavailable, "AuthFunc failed", err)
}

// askAuth runs AuthFunc, and waits for it until ctx ends. An AuthFunc that ignores the end of its context delays only
// its own next run.
func (cl *Client) askAuth(ctx context.Context) ([]byte, error) {
	select {
	case cl.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type answer struct {
		auth []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		a := answer{err: errNoAuth}
		defer func() {
			if v := recover(); v != nil { // the value could hold the Auth: only its type is logged
				cl.cfg.log.error(nil, "AuthFunc panicked", nil, "panic", shown(safe.Type(v)), "stack", shown(safe.Stack()))
			}
			<-cl.asking
			answered <- a
		}()
		a.auth, a.err = cl.opts.AuthFunc(ctx)
		if e, ok := a.err.(*Error); ok && e == nil { // a nil *Error in an error interface
			a.err = nil
		}
	}()
	select {
	case a := <-answered:
		return a.auth, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errNoAuth is the error if AuthFunc panics or ends its goroutine.
var errNoAuth = &Error{Code: CodeUnavailable, Message: "AuthFunc failed"}
