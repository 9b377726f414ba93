//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/relay"
)

// The form of a message in a store: a byte for the version, the number of the server that has sent it, in 8 bytes, big-endian, and the
// body of a send as in a message between nodes.
const (
	historyVersion = 1
	historyHead    = 1 + 8
)

// send lays a message to a group into the backlog. With [Wait] it returns when the store has the message.
func (d *sharedHistory) send(a audience, f Frame, set *sending) error {
	if err := checkName(a.name, d.srv.opts.Limits.MaxName); err != nil {
		return err
	}
	if _, err := d.srv.present(a, set); err != nil {
		return err
	}
	m := relay.Send{
		To: relay.ToGroup, Name: a.name, Raw: f.Kind == KindRaw, Form: uint8(set.as), Key: set.key, Command: f.Command, Payload: f.Payload,
		Except: d.exceptions(set),
	}
	if len(m.Except) > relay.MaxExcept {
		return NewError(CodeTooBig, "a send leaves out "+strconv.Itoa(len(m.Except))+" clients; "+strconv.Itoa(relay.MaxExcept)+" is the limit of a group in a store")
	}
	data := binary.BigEndian.AppendUint64(append(make([]byte, 0, historyHead+m.Size()), historyVersion), d.self)
	data = m.Append(data)
	d.start()
	if most := int(d.most.Load()); len(data) > most {
		if d.log.Load() == nil {
			return NewError(CodeUnavailable, "a message of "+strconv.Itoa(len(data))+" B, and the store of history has not been reached yet")
		}
		return NewError(CodeTooBig, "a message of "+strconv.Itoa(len(data))+" B; the store of history takes "+strconv.Itoa(most)+" B")
	}
	return d.put(set.ctx, history.Item{Group: historyToken(a.name), Data: data})
}

// exceptions returns the connections that a send leaves out, at all servers.
func (d *sharedHistory) exceptions(set *sending) (list []relay.Exception) {
	if k := d.srv.cluster; k != nil {
		list = k.exceptions(set)
	}
	if set.but != nil {
		list = append(list, relay.Exception{Node: d.self, Conn: set.but.id})
	}
	for _, c := range set.buts {
		if c != nil {
			list = append(list, relay.Exception{Node: d.self, Conn: c.id})
		}
	}
	return list
}

// put adds an item to the backlog. If ctx is nil it fails if there is no room. Otherwise it waits for room, and until the item is appended.
func (d *sharedHistory) put(ctx context.Context, i history.Item) error {
	var done chan error
	if ctx != nil {
		done = make(chan error, 1)
		i.Done = func(err error) { done <- err }
	}
	for {
		ok, room := d.backlog.Put(i)
		switch {
		case ok && ctx == nil:
			return nil
		case ok:
			select {
			case err := <-done:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		case room == nil:
			return NewError(CodeShutdown, "the server has shut down")
		case ctx == nil:
			d.count.unsent.Add(1)
			return d.full()
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// full returns the error of a send that finds no room.
func (d *sharedHistory) full() error {
	d.mu.Lock()
	why := d.why
	d.mu.Unlock()
	if why == nil {
		return NewError(CodeUnavailable, "too much waits for the store of history")
	}
	return wrapError(CodeUnavailable, "too much waits for the store of history", why)
}

// The size of a batch, and how long one attempt to append it may take.
const (
	appendCount = 512
	appendBytes = 256 << 10
	appendTime  = 10 * time.Second
)

// append appends what waits to the store, one batch after the other. It ends when nothing waits after working has ended, or when ctx ends.
func (d *sharedHistory) append() {
	defer d.cancel()
	defer d.giveUp()
	select {
	case <-d.opened:
	case <-d.working.Done():
		if d.backlog.Held() == 0 {
			return
		}
		select {
		case <-d.opened:
		case <-d.ctx.Done():
			return
		}
	}
	batch := make([]HistoryMessage, 0, appendCount)
	for {
		items := d.backlog.Take(appendCount, appendBytes)
		if len(items) == 0 {
			select {
			case <-d.backlog.Wake():
				continue
			case <-d.working.Done():
			}
			if d.backlog.Held() == 0 {
				return
			}
			continue
		}
		batch = batch[:0]
		for _, i := range items {
			if !i.Last {
				batch = append(batch, HistoryMessage{Group: i.Group, ID: i.ID, Data: i.Data})
			}
		}
		if !d.appendAll(batch, items[0].Group) {
			return
		}
		clear(batch)
		d.count.appended.Add(uint64(len(batch)))
		for _, i := range items {
			if i.Done != nil {
				i.Done(nil)
			}
		}
		d.backlog.Done()
	}
}

// appendAll appends a batch, or, if it is empty, has the group's messages forgotten. It tries until it succeeds; it reports false if the server
// ends before.
func (d *sharedHistory) appendAll(batch []HistoryMessage, group string) bool {
	log := *d.log.Load()
	var wait backoff
	for {
		ctx, cancel := context.WithTimeout(d.ctx, appendTime)
		var err error
		if len(batch) == 0 {
			err = log.Forget(ctx, group)
		} else {
			err = log.Append(ctx, batch)
		}
		cancel()
		switch {
		case err == nil:
			d.reached()
			return true
		case d.ctx.Err() != nil:
			return false
		}
		d.failed(err)
		wait.sleep(d.ctx, nil)
	}
}

// giveUp reports what could not be appended before the end.
func (d *sharedHistory) giveUp() {
	left := d.backlog.Close()
	if len(left) == 0 {
		return
	}
	err := NewError(CodeUnavailable, strconv.Itoa(len(left))+" messages did not reach the store of history before the server ended")
	d.count.unsent.Add(uint64(len(left)))
	for _, i := range left {
		if i.Done != nil {
			i.Done(err)
		}
	}
	d.srv.eng.faultOf(nil, "messages did not reach the store of history", err)
}
