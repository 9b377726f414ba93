//go:build !js

package core

import (
	"reflect"

	"github.com/hisock/hisock/core/internal/legacy"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/shape"
)

// sendLegacy sends f in the peer's form.
func (c *Conn) sendLegacy(f Frame, set *sending) error {
	frame, err := c.ownFrame(f, set)
	switch {
	case frame == nil:
		return err
	case set.waits():
		return c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, set)
	}
	return c.sendByPolicy(f.Command, c.eng.overflow.newBlock(f.Command, set, frame))
}

// ownFrame returns f in the peer's form. It returns nil if f is held back or cannot be sent; in the second case err is not
// nil.
func (c *Conn) ownFrame(f Frame, set *sending) ([]byte, error) {
	if f.Kind != KindRaw && f.Kind != KindCommand {
		return nil, errNoCalls
	}
	o := legacy.Outgoing{Raw: f.Kind == KindRaw, Command: f.Command, Payload: f.Payload}
	if set != nil {
		o.As, o.Key = legacy.Form(set.as), set.key
	}
	if c.legacy.Holds() {
		if held, err := c.holdBack(o, set); held {
			return nil, err
		}
	}
	frame, err := c.legacy.Encode(&o)
	if err != nil {
		return nil, wireError(err)
	}
	return frame, nil
}

// holdBack holds a message back if its form is not known yet. It reports false if the caller must send the message. If there
// is no room to hold the message, the policy for it decides. Nobody waits for room, since the wait might never end.
func (c *Conn) holdBack(o legacy.Outgoing, set *sending) (held bool, err error) {
	if err := c.legacy.Check(&o); err != nil {
		return true, wireError(err)
	}
	if c.isEnded() {
		return true, c.closedError()
	}
	policy := c.eng.overflow.of(o.Command)
	got, dropped := c.legacy.Hold(o, policy.dropsOlder())
	c.eng.counters.dropped.Add(uint64(dropped))
	switch {
	case got == legacy.Pass:
		return false, nil
	case got == legacy.Held:
		return true, nil
	case policy == OverflowDisconnect && !set.waits():
		err := NewError(CodeSlowConsumer, "too much is held back for a client of which it is not known whether it speaks 2.x or 3.0a")
		c.eng.counters.slow.Add(1)
		c.endWith(err)
		return true, err
	}
	c.eng.counters.dropped.Add(1)
	return true, errDropped
}

// sendHeld sends the messages that were held back, now that their form is known.
func (c *Conn) sendHeld() {
	for held := c.legacy.TakeHeld(); held != nil; held = c.legacy.TakeHeld() {
		for _, o := range held {
			frame, err := c.legacy.Encode(&o)
			if k := c.eng.overflow.newBlock(o.Command, &sending{key: o.Key}, frame); err == nil && c.eng.overflow.of(o.Command).drops() {
				err = c.sendByPolicy(o.Command, k)
			} else if err == nil { // the reader must not wait for room
				err = c.sendAll(k, OverflowDisconnect, nil)
			}
			if err != nil && err != errDropped && !c.isEnded() {
				c.eng.faultOf(c, "a client cannot be sent what was held back for it", wireError(err), "command", o.Command)
			}
		}
	}
}

func frameOf(o legacy.Outgoing) Frame {
	if o.Raw {
		return Frame{Kind: KindRaw, Payload: o.Payload}
	}
	return Frame{KindCommand, o.Command, o.Payload}
}

var errHeldLong = NewError(CodeUnsupported, "whether a client speaks 2.x or 3.0a is not known before its first command: "+
	"see ClassicOptions.Unknown")

// formOf returns the form of the payload that encode makes of v. A native peer does not distinguish forms: for it the
// result is 0.
func (p *legacyPeer) formOf(v any) form {
	if p == nil {
		return 0
	}
	return formOf(v)
}

// formOf returns the form of the payload that encode makes of v.
func formOf(v any) form {
	switch v.(type) {
	case nil, struct{}, []byte:
		return form(legacy.FormBytes)
	case string:
		return form(legacy.FormText)
	case float32, float64:
		return form(legacy.FormFloat)
	case bool, int, int64, uint64:
		return form(legacy.FormJSON)
	}
	s := shape.Of(reflect.TypeOf(v))
	if s.Out == shape.Codec {
		return form(legacy.FormJSON)
	}
	to := s.Value(v)
	switch {
	case to == nil || s.Out == shape.Binary:
		return form(legacy.FormBytes)
	case s.Out == shape.Text:
		return form(legacy.FormText)
	}
	return formOf(to) // this ends, since encode has converted v
}

// expanded returns the value that a payload abbreviates for a handler that takes a T. [legacy.Peer.Abbreviates] has
// reported true for the payload. expanded reports false if the payload is no abbreviation of a T.
func expanded[T any](payload []byte) (v T, ok bool) {
	if len(payload) == 0 {
		return v, true
	}
	if is := reflect.ValueOf(&v).Elem(); is.Kind() == reflect.Bool {
		is.SetBool(true)
		return v, true
	}
	return v, false
}
