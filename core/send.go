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

	// SendBytes is Send for a payload that needs no conversion. It does not keep payload. For one receiver it allocates
	// nothing, while Send with a []byte allocates 24 bytes for the interface value.
	SendBytes(command string, payload []byte, opts ...SendOption) error

	// SendRaw queues a raw message: bytes without a name. It does not keep payload.
	SendRaw(payload []byte, opts ...SendOption) error
}

// A SendOption changes one send: [Wait], [Except], [Key], [Transient], [MustReach] or
// [AllOfThem]. An option may be given to any send. The comment of each says where it changes nothing.
type SendOption struct{ set sending }

// A sending is the sum of the options of one send.
type sending struct {
	ctx       context.Context // how long to wait for room; nil: as the policy says
	but       *Conn           // left out; nil for none
	buts      []*Conn         // left out too
	key       string
	transient bool
	mustReach bool
	all       bool
	relayed   bool        // it has come from another node: it goes no further, and waits for nobody
	as        form        // the kind of value that the payload was made of
	ids       *[]ClientID // left out too, at any node; nil for none
	routed    bool        // it goes to whoever has a name or is in a group, not to a connection that the program holds
	at        sentAt      // where it is among the messages of a cluster
}

// Wait makes a send wait for room in the queue, whatever the [Overflow], until ctx ends; then the send returns the
// error of ctx. Half of the queue is left to senders that do not wait.
//
// A send to several clients queues at once for all clients that have room, and then waits for the others, one after
// the other. If ctx ends first, the remaining clients do not get the message.
func Wait(ctx context.Context) SendOption { return SendOption{sending{ctx: given(ctx)}} }

// Except leaves the given connections out. A nil connection changes nothing.
func Except(conns ...*Conn) SendOption {
	if len(conns) == 1 { // which need not be copied, so that nothing is allocated
		return SendOption{sending{but: conns[0]}}
	}
	return SendOption{sending{buts: slices.Clone(conns)}}
}

// Key names the thing that a command is about, such as "room1/ada" for the position of one player: under
// [OverflowLatest] a newer command takes the place only of a command with the same name and the same key.
// Commands of one name without a key count as having the same key. It changes nothing under other policies.
func Key(k string) SendOption { return SendOption{sending{key: k}} }

// Transient keeps a message to a group out of the group's [History]. It is for messages that are of no use to clients
// that join later, such as that somebody is typing. It changes nothing in other sends.
func Transient() SendOption { return SendOption{sending{transient: true}} }

// MustReach makes a send fail if it has no receiver beside the connections that [Except]
// leaves out: with [CodeUnknownGroup] to a [Group], and with [CodeUnknownClient] otherwise. Then nothing is
// queued or kept in a [History]. A send to a [Named] or a [User] without a connection fails in any case.
func MustReach() SendOption { return SendOption{sending{mustReach: true}} }

// AllOfThem makes a send to a [Named] reach all clients that have the name. It changes nothing in other sends.
func AllOfThem() SendOption { return SendOption{sending{all: true}} }

// add adds options to s. The last Wait and the last Key win; the others add up.
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
		if s.ids == nil {
			s.ids = o.ids
		} else if o.ids != nil {
			ids := slices.Concat(*s.ids, *o.ids)
			s.ids = &ids
		}
	}
}

// leavesOut reports whether c is not to get the message.
func (s *sending) leavesOut(c *Conn) bool {
	return s != nil && (s.but == c || len(s.buts) > 0 && slices.Contains(s.buts, c))
}

// through runs the send middleware around send. It gives send the frame and the options as the middleware leaves them.
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
