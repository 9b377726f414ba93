package core

import (
	"context"
	"slices"
)

// A Sender is anything that can be sent to: a [Conn], a [Client], and at a server a [Group], a [User],
// a [Named] or [Everybody]. Each of them takes each [SendOption].
type Sender interface {
	// Send converts v, as [On] says, and queues it as a command.
	Send(command string, v any, opts ...SendOption) error

	// SendBytes is Send for a payload that needs no conversion. It does not keep payload. It allocates
	// nothing for one receiver, where Send with a []byte takes the 24 bytes of an interface that holds one.
	SendBytes(command string, payload []byte, opts ...SendOption) error

	// SendRaw queues a raw message: bytes without a name. It does not keep payload.
	SendRaw(payload []byte, opts ...SendOption) error
}

// A SendOption changes one send: [Wait], [Except], [Key], [Transient], [MustReach] or
// [AllOfThem]. Where an option has no meaning it changes nothing: its comment says where.
type SendOption struct{ set sending }

// sending is what the options of one send say together.
type sending struct {
	ctx       context.Context // how long to wait for room; nil: as the policy says
	but       *Conn           // left out
	buts      []*Conn         // left out too
	key       string
	transient bool
	mustReach bool
	all       bool
	as        form // what the payload was made of
}

// Wait makes a send wait for room in the queue, whatever the [Overflow], until ctx ends, whose
// error the send returns then. Half of the queue is left to senders that do not wait.
//
// A send to several queues at once for all who have room, and then waits for the others, one after
// the other. If ctx ends before there is room for all, the rest do not get it.
func Wait(ctx context.Context) SendOption { return SendOption{sending{ctx: given(ctx)}} }

// Except leaves out the given connections, nil ones not counting.
func Except(conns ...*Conn) SendOption {
	if len(conns) == 1 { // which need not be copied, so that nothing is allocated
		return SendOption{sending{but: conns[0]}}
	}
	return SendOption{sending{buts: slices.Clone(conns)}}
}

// Key says what a command is about, such as "room1/ada" for where one player is: under
// [OverflowLatest] a newer command takes the place only of one with the same name and the same key.
// Commands without a key have one in common, for each name. It changes nothing under other policies.
func Key(k string) SendOption { return SendOption{sending{key: k}} }

// Transient keeps what is sent to a group out of its [History]: what nobody needs who comes later,
// such as that somebody is typing. It changes nothing for what goes elsewhere.
func Transient() SendOption { return SendOption{sending{transient: true}} }

// MustReach makes it an error if there is nobody to be sent to, beside the connections that [Except]
// leaves out: [CodeUnknownGroup] from a [Group], [CodeUnknownClient] from others. Then nothing is
// queued or kept in a [History]. A [Named] and a [User] without a connection are that error anyway.
func MustReach() SendOption { return SendOption{sending{mustReach: true}} }

// AllOfThem makes a send to a [Named] reach all who have the name. It changes nothing elsewhere.
func AllOfThem() SendOption { return SendOption{sending{all: true}} }

// add adds what the options say.
func (s *sending) add(opts []SendOption) {
	for i := range opts {
		o := &opts[i].set
		if o.ctx != nil {
			s.ctx = o.ctx
		}
		if o.key != "" {
			s.key = o.key
		}
		if s.but == nil {
			s.but = o.but
		} else if o.but != nil {
			s.buts = append(slices.Clip(s.buts), o.but)
		}
		if s.buts == nil {
			s.buts = o.buts
		} else {
			s.buts = append(slices.Clip(s.buts), o.buts...)
		}
		s.transient = s.transient || o.transient
		s.mustReach = s.mustReach || o.mustReach
		s.all = s.all || o.all
	}
}

// leavesOut reports whether c is not to be sent to.
func (s *sending) leavesOut(c *Conn) bool {
	return s != nil && (s.but == c || len(s.buts) > 0 && slices.Contains(s.buts, c))
}

// through runs the send middleware around send, which is given what the middleware makes of it.
func through(mw SendFunc, out Outgoing, set *sending, send func(f Frame, set *sending) error) error {
	kept := *set // on the heap, where set need not be without middleware
	out.Key, out.Transient = kept.key, kept.transient
	out.send = func(o *Outgoing) error {
		set := kept
		set.key, set.transient = o.Key, o.Transient
		return send(o.Frame, &set)
	}
	return mw(&out)
}
