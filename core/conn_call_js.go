package core

import "github.com/hisock/hisock/core/wire"

// A pageCall is what a call of a page has in place of a goroutine that waits.
type pageCall struct{ page int } // the page's own number; 0 if it is no call of a page

func (p pageCall) isOfPage() bool { return p.page != 0 }

// pageHooks are what a page is told by.
type pageHooks struct {
	onAnswer func(page int, reply []byte, err error)
}

// OnAnswer registers what the calls of StartCall end with. reply is valid until f returns. f must not wait. It exists only in a
// browser build.
func (cl *Client) OnAnswer(f func(page int, reply []byte, err error)) {
	cl.mustBeOpen()
	cl.onAnswer = f
}

// StartCall makes a call of which OnAnswer is told the end under the number page, which is not 0, and reports true. It reports
// false if there is no room for the call now, or if it can be made only by [Client.CallBytes]. It exists only in a browser build.
func (cl *Client) StartCall(page int, command string, payload []byte) bool {
	c, err := cl.current()
	if err != nil || c.checkSent(command) != nil {
		return false
	}
	w, id, ended := c.calls.add(wire.KindRequest)
	if ended != nil {
		return false
	}
	n := wire.RequestSize(id, command, len(payload))
	if c.fits(n) == nil {
		if dst, no := c.out.Begin(n, c.patient(nil)); no == nil {
			w.page = page
			c.out.Commit(wire.AppendAnswered(dst, wire.KindRequest, id, command, payload))
			return true
		}
	}
	if c.calls.take(id) != nil {
		c.calls.reuse(w)
	}
	return false
}

// GiveUpCall gives up a call of StartCall, here and at the server. OnAnswer is not told. It exists only in a browser build.
func (cl *Client) GiveUpCall(page int) {
	c, err := cl.current()
	if err != nil {
		return
	}
	if id, ok := c.calls.ofPage(page); ok && c.calls.take(id) != nil {
		c.sendOwn(wire.AppendCancel(nil, id)) //nolint:errcheck // then it is over anyway
	}
}

// ofPage returns the id of a call of the page.
func (t *callTable) ofPage(page int) (id uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, w := range t.open {
		if w.page == page {
			return id, true
		}
	}
	return 0, false
}

// answerPage ends a call of the page, and reports false for another call.
func (c *Conn) answerPage(w *call, reply []byte, err *Error) bool {
	if w.page == 0 {
		return false
	}
	page := w.page
	if err != nil {
		c.eng.handlers.onAnswer(page, nil, err)
	} else {
		c.eng.handlers.onAnswer(page, reply, nil)
	}
	c.calls.reuse(w)
	return true
}
