package core

import (
	"github.com/hisock/hisock/core/wire"
)

// runBeside runs a handler on a goroutine of its own with a copy of the frame. It waits for room unless the caller
// has reserved that; the next frames wait as long, in the inbox. id is the id of the call, or beside.Command.
func (c *Conn) runBeside(reserved *bool, f Frame, id uint64, run func(f Frame)) {
	n := len(f.Payload) + jobCost
	switch {
	case reserved != nil && *reserved:
		*reserved = false
	case !c.beside.Begin(n):
		c.beside.Queue(id)
		yield(c)
		c.eng.sweep.busy(c)
		c.beside.Await(n)
	}
	f.Payload = append([]byte(nil), f.Payload...)
	c.life.enter(1)
	go func() {
		defer c.exit()
		defer c.beside.End(n)
		run(f)
	}()
}

// startBeside starts the handler of a frame while another handler keeps the connection's turn, if the handler
// is concurrent and there is room. Otherwise two peers that call each other back could wait for each other.
// The reader does not wait for room: handlers may wait for frames that it reads.
func (c *Conn) startBeside(f wire.Frame) bool {
	if !c.beside.May() {
		return false
	}
	hs := c.eng.handlers
	var h *handler
	var payload []byte
	switch f.Kind {
	case wire.KindCommand:
		name, rest, err := wire.ParseCommand(f.Body)
		if err != nil || hs.message != nil { // which would run here too
			return false
		}
		payload = rest
		if h = hs.commands[string(name)]; h == nil {
			h = hs.anyCommand
		}
	case wire.KindGroupCommand: // see groupBeside
		_, _, body, _ := wire.ParseGroup(f.Kind, f.Body)
		name, rest, err := wire.ParseCommand(body)
		if err != nil || hs.message != nil {
			return false
		}
		payload = rest
		if h = hs.commands[string(name)]; h == nil {
			h = hs.anyCommand
		}
	case wire.KindRequest:
		_, name, rest, err := wire.ParseRequest(f.Body)
		if err != nil {
			return false
		}
		payload = rest
		if h = hs.calls[string(name)]; h == nil {
			h = hs.anyCall
		}
	}
	if h == nil || !h.concurrent {
		return false
	}
	n := len(payload) + jobCost
	if !c.beside.Begin(n) {
		return false
	}
	reserved := true
	if c.runFrame(f, &reserved); reserved { // no handler has begun
		c.beside.End(n)
	}
	return true
}
