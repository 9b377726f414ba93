//go:build !js

package core

import (
	"context"
	"hash/maphash"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
)

// historyReaders is how many groups are read at one time, and historyReadTime bounds one read.
const (
	historyReaders  = 8
	historyReadTime = 10 * time.Second
)

// A readQueue has the groups that one reader is to look at. Each group has one reader, so that it is followed and not followed any more in
// this order.
type readQueue struct {
	wake   chan struct{} // has an element when there may be tokens
	mu     lock.Mutex[lock.ReadQueue]
	tokens []string            // guarded by mu; each is there once
	has    map[string]struct{} // guarded by mu: the tokens
}

func (q *readQueue) put(tokens ...string) {
	q.mu.Lock()
	if q.has == nil {
		q.has = make(map[string]struct{})
	}
	for _, token := range tokens {
		if _, ok := q.has[token]; !ok {
			q.has[token] = struct{}{}
			q.tokens = append(q.tokens, token)
		}
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *readQueue) take() (tokens []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	tokens, q.tokens, q.has = q.tokens, nil, nil
	return tokens
}

func (d *sharedHistory) queueOf(token string) *readQueue {
	return &d.queues[maphash.String(d.seed, token)%historyReaders]
}

// read looks at the groups of one queue, one after the other, until the server ends. A group that cannot be read is tried again after the others.
func (d *sharedHistory) read(q *readQueue) {
	select {
	case <-d.opened:
	case <-d.working.Done():
		return
	}
	following := make(map[string]struct{})
	var wait backoff
	for {
		for todo := q.take(); len(todo) > 0; {
			if d.working.Err() != nil {
				return
			}
			token := todo[0]
			todo = todo[1:]
			err := d.look(token, following)
			if err == nil {
				wait.reset()
				continue
			}
			d.failed(err)
			q.put(append(todo, token)...)
			wait.sleep(d.working, nil)
			todo = d.needed(q.take(), following)
		}
		select {
		case <-q.wake:
		case <-d.working.Done():
			return
		}
	}
}

// needed returns the tokens of groups that are to be looked at. The others have come and gone while the store could not be reached.
func (d *sharedHistory) needed(tokens []string, following map[string]struct{}) []string {
	return slices.DeleteFunc(tokens, func(token string) bool {
		_, is := following[token]
		return !is && d.find(token) == nil
	})
}

// look follows a group, or ends that, and reads the group if it has to be read.
func (d *sharedHistory) look(token string, following map[string]struct{}) error {
	log := *d.log.Load()
	_, is := following[token]
	f := d.find(token)
	switch {
	case f == nil && is:
		delete(following, token)
		return log.Unfollow(token)
	case f == nil:
		return nil
	case !is:
		if err := log.Follow(token); err != nil {
			return err
		}
		following[token] = struct{}{}
	}
	h := d.srv.store.Begin(f.name)
	reading := f.reading && !f.over
	epoch, last, whole := h.At()
	h.End(false)
	if !reading {
		return nil
	}
	if !whole {
		epoch, last = 0, 0
	}
	ctx, cancel := context.WithTimeout(d.working, historyReadTime)
	defer cancel()
	part, err := log.Read(ctx, token, epoch, last)
	if err != nil {
		return err
	}
	d.reached()
	if !isPart(&part) {
		return NewError(CodeProtocol, "the store of history returns numbers that cannot be")
	}
	d.haveRead(f, part, whole)
	return nil
}

// haveRead gives everybody what they have not had, and makes the group live, unless it has to be read again. behind says that only what
// comes behind the copy was read.
func (d *sharedHistory) haveRead(f *followed, part HistoryPart, behind bool) {
	var t trouble
	h := d.srv.store.Begin(f.name)
	if _, _, whole := h.At(); behind && !whole && !f.over { // the copy was pushed out meanwhile
		h.End(false)
		d.queueOf(f.token).put(f.token)
		return
	}
	if !f.over {
		d.catchUp(h, f, part, &t)
	}
	for whole := true; !f.over && whole; {
		d.greet(h, f, &t)
		if len(f.waiting) == 0 {
			break
		}
		h.End(true) // others have their turn, so that many newcomers hold up nobody
		h = d.srv.store.Begin(f.name)
		_, _, whole = h.At() // else it was pushed out meanwhile
	}
	if !f.over {
		d.goOn(h, f, &t)
		d.tidy(h, f)
	}
	h.End(true)
	d.report(&t)
}

// catchUp gives what was read to the members that are not newcomers, and keeps it.
func (d *sharedHistory) catchUp(h *history.Group, f *followed, part HistoryPart, t *trouble) {
	members := d.srv.roster.In(f.name)
	if len(f.waiting) > 0 {
		new := make(map[*Conn]struct{}, len(f.waiting))
		for _, n := range f.waiting {
			if !n.again {
				new[n.c] = struct{}{}
			}
		}
		old := make([]*Conn, 0, max(0, len(members)-len(new))) // not nil
		for _, c := range members {
			if _, ok := new[c]; !ok {
				old = append(old, c)
			}
		}
		members = old
	}
	epoch, last, whole := h.At()
	if whole && d.apply(h, f, part, members, t) {
		return
	}
	f.heard.Store(time.Now().UnixNano())
	for i := range f.waiting {
		f.waiting[i].passed = nil
	}
	h.Refill(part.Epoch, part.First-1)
	had := uint64(0) // how many of the messages members have had
	if gap := part.Epoch != epoch || part.First > last+1; !gap {
		had = min(last+1-part.First, uint64(len(part.Messages)))
	} else if len(members) > 0 {
		defer func() { // they are told of the gap
			for _, c := range members {
				if errs := c.replay(h, h.Len(), false); len(errs) > 0 {
					t.unfit = append(t.unfit, unfitFor{c, errs})
				}
			}
		}()
		had = uint64(len(part.Messages))
	}
	for i, data := range part.Messages {
		to := members
		if uint64(i) < had {
			to = []*Conn{}
		}
		d.deliver(h, f, data, to, t)
	}
	h.ForgetBefore(part.Forgotten)
}

// greetAtOnce is how many newcomers are given what is kept before others have their turn.
const greetAtOnce = 128

// greet gives newcomers the messages that they have not had.
func (d *sharedHistory) greet(h *history.Group, f *followed, t *trouble) {
	n := min(len(f.waiting), greetAtOnce)
	for _, w := range f.waiting[:n] {
		var errs []error
		switch {
		case w.c.isEnded():
			continue
		case w.again:
			count := w.n
			if count <= 0 {
				count = h.Len()
			}
			errs = w.c.replay(h, count, true)
		default:
			errs = w.c.replay(h, h.Behind(&w.c.atServer.marks, w.told), false, w.passed...)
		}
		if len(errs) > 0 {
			t.unfit = append(t.unfit, unfitFor{w.c, errs})
		}
	}
	clear(f.waiting[:n])
	if f.waiting = f.waiting[n:]; len(f.waiting) == 0 {
		f.waiting = nil
	}
}

// patientReads is how often a group is read again for the sake of a part that does not fit. The store may be behind what it has told; and
// anybody may have told it.
const patientReads = 3

// goOn gives members the parts that have come during a read. It makes the group live, unless it has to be read again.
func (d *sharedHistory) goOn(h *history.Group, f *followed, t *trouble) {
	fits := len(f.waiting) == 0
	for fits && len(f.ahead) > 0 {
		if fits = d.apply(h, f, f.ahead[0], nil, t); fits {
			f.ahead = f.ahead[1:]
		}
	}
	switch {
	case len(f.waiting) > 0: // it was pushed out of the memory meanwhile
	case f.again:
		f.tries = 0
	case !fits && f.tries < patientReads:
		f.tries++
	default:
		d.dropAhead(f)
		f.tries, f.reading = 0, false
		return
	}
	d.dropAhead(f)
	d.queueOf(f.token).put(f.token)
}

// How often the server looks for groups that have been silent, for how long, and how many of them it reads then. So a part that was lost on
// the way is found at last even if nothing else is sent to the group.
const (
	auditEvery = time.Second
	auditAfter = 30 * time.Second
	auditCount = 64
)

func (d *sharedHistory) audit() {
	t := time.NewTicker(auditEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-d.working.Done():
			return
		}
		before := time.Now().Add(-auditAfter).UnixNano()
		for _, f := range d.silent(before) {
			h := d.srv.store.Begin(f.name)
			if !f.over {
				d.mustRead(f)
			}
			h.End(false)
		}
	}
}

// silent returns some groups that nothing was heard of since a time, in ns since 1970.
func (d *sharedHistory) silent(since int64) (silent []*followed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	looked := 0
	for _, f := range d.groups {
		if looked++; looked > 16*auditCount || len(silent) == auditCount {
			break
		}
		if at := f.heard.Load(); at != 0 && at < since {
			silent = append(silent, f)
		}
	}
	return silent
}
