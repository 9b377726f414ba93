package core

import (
	"math"
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// tooBig is why a payload of n bytes is not given to a handler, see [MaxPayload].
func (h *handler) tooBig(n int) *Error {
	return NewError(CodeTooBig, "payload "+strconv.Itoa(n)+" B exceeds the handler's limit "+strconv.Itoa(h.maxPayload)+" B")
}

// most is the length of the longest payload that a handler takes, in bytes.
func (h *handler) most() int {
	if h == nil {
		return math.MaxInt
	}
	return h.maxPayload
}

// mostOf is the length of the longest payload, in bytes, that some handler takes of a command.
func (h *handlers) mostOf(command []byte) int {
	most := -1
	own := h.commands[string(command)] // does not allocate
	if own == nil {
		own = h.anyCommand
	}
	if own != nil {
		most = own.maxPayload
	}
	if h.message != nil {
		most = max(most, h.message.maxPayload)
	}
	if most < 0 { // whoever finds no handler says so
		return math.MaxInt
	}
	return most
}

// tooBig takes a frame whose payload no handler takes, so that no copy of it waits for its turn.
// It reports whether it did.
func (c *Conn) tooBig(f wire.Frame) bool {
	hs := c.eng.handlers
	if !hs.bounded {
		return false
	}
	most, size := math.MaxInt, 0
	switch f.Kind {
	case wire.KindCommand:
		name, payload, err := wire.ParseCommand(f.Body)
		if err == nil {
			most, size = hs.mostOf(name), len(payload)
		}
	case wire.KindRequest:
		_, name, payload, err := wire.ParseRequest(f.Body)
		if err != nil {
			break
		}
		h := hs.calls[string(name)]
		if h == nil {
			h = hs.anyCall
		}
		if h != nil {
			most, size = h.maxPayload, len(payload)
		}
	case wire.KindGroupCommand, wire.KindGroupRaw:
		g, err := groupFrame(f)
		if err != nil {
			break
		}
		if most, size = hs.message.most(), len(g.Payload); g.Kind == KindCommand {
			most = hs.mostOf([]byte(g.Command))
		}
	case wire.KindRaw: // there is a message handler, else a raw message does not come so far
		most, size = hs.message.most(), len(f.Body)
	}
	if size <= most {
		return false
	}
	c.runFrame(f, nil) // runs no handler and tells why
	return true
}
