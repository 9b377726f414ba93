package main

import (
	"context"
	"syscall/js"

	"github.com/hisock/hisock/core"
)

// A stream is one stream of a page. The page says how many bytes of items it wants, and wants more as it takes items, so the credit
// follows the items that the page takes. Items of the page wait here while there is no credit.
type stream struct {
	c    *client
	id   int // odd if the server has opened it
	core *core.PageStream

	wanted int           // bytes of items that the page may still get, each with itemCost
	wants  chan struct{} // has an element when wanted has grown
	ended  bool          // the page knows that no more items come

	waiting  []*core.StreamItem // items of the page that have not been sent, oldest first
	part     *core.StreamItem   // the item that the page sends in parts; nil for none
	finished bool               // the page's end follows waiting
	failing  error              // the error of that end, or nil
	unsaid   int                // bytes that do not wait any more, for the next kindRoom
	sends    bool               // a goroutine sends waiting
	refused  bool               // the page knows why its direction has failed
	left     chan struct{}      // closed when the page has left the stream
	isLeft   bool
}

const (
	itemCost = 32       // bytes that an item weighs besides its payload
	sayAt    = 16 << 10 // the least number of bytes in a kindRoom
)

func (c *client) newStream(id int, s *core.PageStream) *stream {
	st := &stream{c: c, id: id, core: s, wants: make(chan struct{}, 1), left: make(chan struct{})}
	c.streams.put(id, st)
	return st
}

// open opens a stream for the page. Usually the stream is open before cross returns.
func (c *client) open(id int, flags int, name string, arg []byte) {
	st := c.newStream(id, nil)
	go func() {
		s, err := c.core.OpenPageStream(c.ctx, name, arg, flags&flagSilent != 0, flags&flagCarries != 0)
		if err != nil {
			c.streams.take(id)
			c.tell("streamEnded", id, jsError(err))
			st.refuse(err)
			st.waiting = nil
			c.border.put(kindDrained, c.id, id, 0, "", nil)
			return
		}
		st.core = s
		if st.isLeft {
			s.Abort(errGivenUp)
			return
		}
		go st.receive()
		st.send()
	}()
}

var errGivenUp = core.NewError(core.CodeCanceled, "the stream was given up")

// streamed hands a stream of the server to the page, and returns once the page has left the stream.
func (c *client) streamed(ctx context.Context, s *core.PageStream, name string, arg []byte) {
	<-c.begun
	c.lastID++
	st := c.newStream(2*c.lastID+1, s)
	c.border.put(kindStreamed, c.id, st.id, 0, name, arg)
	go st.receive()
	select {
	case <-st.left:
	case <-ctx.Done():
		why := s.SendError()
		if why == nil {
			why = context.Cause(ctx)
		}
		st.refuse(why)
		<-st.left
	}
}

// receive gives the page items as they come, as far as it wants them.
func (st *stream) receive() {
	for {
		for st.wanted <= 0 {
			select {
			case <-st.wants:
			case <-st.left:
				return
			}
		}
		item, over, why := st.core.Next()
		if over {
			if !st.ended {
				st.ended = true
				st.c.tell("streamEnded", st.id, jsError(why))
			}
			return
		}
		st.wanted -= len(item) + itemCost
		st.c.border.put(kindItem, st.c.id, st.id, 0, "", item)
	}
}

// giveAll gives the page all received items, because the client has ended.
func (st *stream) giveAll() {
	for st.core != nil && !st.ended {
		item, got, over, why := st.core.TryNext()
		if got {
			st.c.border.put(kindItem, st.c.id, st.id, 0, "", item)
			continue
		}
		st.ended = true
		if over {
			st.c.tell("streamEnded", st.id, jsError(why))
		}
	}
}

// sendItem sends an item of the page, or a part of an item if more is set. If there is no credit or room it lets the rest wait.
func (st *stream) sendItem(payload []byte, more bool) {
	if st.refused || st.finished {
		return
	}
	it := st.part
	if it == nil {
		it = new(core.StreamItem)
	}
	st.part = nil
	if more {
		st.part = it
	}
	it.More = more
	if len(st.waiting) > 0 && st.waiting[len(st.waiting)-1] == it {
		it.Rest = append(it.Rest, payload...)
		return
	}
	it.Rest = payload
	if st.core != nil && len(st.waiting) == 0 {
		done, over, why := st.core.TrySend(it)
		if over {
			st.refuse(why)
		}
		if done || over {
			st.sent(len(payload))
			return
		}
		st.sent(len(payload) - len(it.Rest))
	}
	it.Rest = append([]byte(nil), it.Rest...)
	st.waiting = append(st.waiting, it)
	st.send()
}

// sent notes that n bytes do not wait any more, and tells the page once they are many.
func (st *stream) sent(n int) {
	if st.unsaid += n; st.unsaid >= sayAt {
		st.c.border.put(kindRoom, st.c.id, st.id, st.unsaid, "", nil)
		st.unsaid = 0
	}
}

// send sends the waiting items on a goroutine. If none wait it finishes.
func (st *stream) send() {
	if st.sends || st.core == nil {
		return
	}
	if len(st.waiting) == 0 {
		st.finish()
		return
	}
	st.sends = true
	go func() {
		for len(st.waiting) > 0 && !st.refused {
			it := st.waiting[0]
			before := len(it.Rest)
			done, over, why := st.core.TrySend(it)
			if over {
				st.refuse(why)
				break
			}
			st.sent(before - len(it.Rest))
			if !done {
				<-st.core.Writable()
				continue
			}
			st.waiting[0] = nil
			st.waiting = st.waiting[1:]
		}
		st.sends, st.waiting = false, nil
		st.finish()
	}()
}

// finish ends the page's direction if the page has finished. No item waits.
func (st *stream) finish() {
	if !st.finished {
		return
	}
	st.core.Finish(st.failing)
	go func() {
		<-st.core.Drained()
		if why := st.core.SendError(); why != nil {
			st.refuse(why)
		}
		st.c.border.put(kindDrained, st.c.id, st.id, 0, "", nil)
	}()
}

// refuse tells the page once why its direction has failed.
func (st *stream) refuse(why error) {
	if !st.refused {
		st.refused = true
		st.c.tell("streamRefused", st.id, jsError(why))
	}
}

// leave forgets the stream. The page sends no more records about it.
func (st *stream) leave() {
	if !st.isLeft {
		st.isLeft = true
		close(st.left)
		st.c.streams.take(st.id)
	}
}

// handleStream handles a record of the page about a stream.
func (c *client) handleStream(r record) {
	st, ok := c.streams.find(r.id)
	if !ok {
		return
	}
	switch r.kind {
	case kindWant:
		st.wanted += r.flags
		select {
		case st.wants <- struct{}{}:
		default:
		}
	case kindSendItem:
		st.sendItem(r.payload, r.flags != 0)
	case kindFinish:
		if !st.finished {
			st.finished = true
			st.send()
		}
	case kindBegin:
		st.core.Begin()
	case kindLeave:
		st.leave()
	}
}

// endStream ends a stream: endStream(id, how, code, message, retryAfter, details). how is 0 for both directions after the sent items, 1 for
// the server's direction, and 2 for both directions at once.
func (c *client) endStream(args []js.Value) any {
	st, ok := c.streams.find(args[0].Int())
	if !ok {
		return js.Undefined()
	}
	why := goError(args[2:])
	switch how := args[1].Int(); {
	case how == 0:
		st.finished, st.failing = true, why
		st.send()
	case st.core == nil: // the stream is being opened
		st.leave()
	case how == 1:
		st.core.Stop(why)
	default:
		st.waiting = nil
		st.core.Abort(why)
	}
	return js.Undefined()
}

// streamProgress returns the progress of a stream: streamProgress(id) returns the numbers of taken, sent and delivered items or bytes.
func (c *client) streamProgress(args []js.Value) any {
	list := array.New(3)
	if st, ok := c.streams.find(args[0].Int()); ok && st.core != nil {
		taken, sent, delivered := st.core.Progress()
		for i, n := range []uint64{taken, sent, delivered} {
			list.SetIndex(i, float64(n))
		}
	}
	return list
}
