//go:build !js

package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/relay"
)

// Send queues a command for the client. If the client is at another node, Send returns when the command is on its way there.
func (r *Remote) Send(command string, v any, opts ...SendOption) error {
	payload, err := encode(r.srv.eng.codec, v)
	if err != nil {
		return err
	}
	return r.send(Frame{KindCommand, command, payload}, formOf(v), opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (r *Remote) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return r.send(Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message as Send queues a command. It does not keep payload.
func (r *Remote) SendRaw(payload []byte, opts ...SendOption) error {
	return r.send(Frame{KindRaw, "", payload}, 0, opts)
}

func (r *Remote) send(f Frame, as form, opts []SendOption) error {
	c, err := r.here()
	if err != nil {
		return err
	}
	if c != nil {
		return c.sendWith(f, as, opts)
	}
	set := sending{as: as}
	set.add(opts)
	if mw := r.srv.handlers.send; mw != nil {
		return through(mw, Outgoing{Frame: f, Name: r.Name, User: r.User}, &set, r.relay)
	}
	return r.relay(f, &set)
}

// here returns the client's connection if it is at this node, and nil if it is at another one. It fails if the client has gone, or
// its node.
func (r *Remote) here() (*Conn, error) {
	k := r.srv.cluster
	var c *Conn
	switch {
	case k == nil:
		for of := range r.srv.Clients() {
			if of.id == r.ID.Conn && r.ID.Node == 0 {
				return of, nil
			}
		}
	case r.ID.Node == k.self:
		c = k.member(r.ID.Conn)
	case k.nodes.ID(r.ID.Node) != "":
		return nil, nil
	}
	if c == nil {
		return nil, NewError(CodeUnknownClient, "the client is not there any more")
	}
	return c, nil
}

func (r *Remote) relay(f Frame, set *sending) error {
	if f.Kind != KindRaw {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
	}
	k := r.srv.cluster
	m := relay.Send{
		To: relay.ToConn, Conn: r.ID.Conn, Raw: f.Kind == KindRaw, Transient: set.transient, Form: uint8(set.as), Key: set.key,
		Command: f.Command, Payload: f.Payload,
	}
	message := m.Append(relay.NewMessage(relay.KindSend, k.self, m.Size()))
	if len(message) > k.largest() {
		return NewError(CodeTooBig, "the message exceeds what the relay takes")
	}
	k.put(relay.Topic{To: relay.ToConn, Node: r.ID.Node}, message)
	return nil
}

func (r *Remote) codec() convert.Codec { return r.srv.eng.codec }

// CallBytes calls a command at the client and returns the answer, which the caller owns, as [Conn.CallBytes] does. If the client is at another node that
// node makes the call; if that node dies, or is cut off for long, CallBytes fails with [CodeConnLost], and the handler may have run or not. While this node is cut
// off, CallBytes fails with [CodeUnavailable].
func (r *Remote) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	c, err := r.here()
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.CallBytes(ctx, command, payload)
	}
	k := r.srv.cluster
	call := func(command string, payload []byte) ([]byte, error) {
		q := relay.Question{Subject: relay.Call, To: relay.ToConn, Conn: r.ID.Conn, Word: command, Rest: payload}
		return k.call(given(ctx), []uint64{r.ID.Node}, relay.Topic{To: relay.ToConn, Node: r.ID.Node}, q)
	}
	mw := r.srv.handlers.send
	if mw == nil {
		return call(command, payload)
	}
	var reply []byte
	err = mw(&Outgoing{Frame: Frame{KindCall, command, payload}, Name: r.Name, User: r.User, send: func(o *Outgoing) (err error) {
		reply, err = call(o.Command, o.Payload)
		return err
	}})
	return reply, err
}

// call asks nodes to call their clients, and returns the first good answer, or else the error of the last one.
func (k *cluster) call(ctx context.Context, nodes []uint64, over relay.Topic, q relay.Question) (reply []byte, err error) {
	if err := checkCommand(q.Word); err != nil {
		return nil, err
	}
	good := false
	left, ended := k.ask(ctx, nodes, over, q, func(_ uint64, a relay.Answer) bool {
		if a.Code == 0 {
			reply, good = a.Rest, true
			return true
		}
		if fault := k.fault(a); err == nil || CodeOf(err) == CodeUnknownClient {
			err = fault
		}
		return false
	})
	switch {
	case good:
		return reply, nil
	case ended != nil:
		return nil, ended
	case err != nil:
		return nil, err
	case len(left) > 0:
		return nil, NewError(CodeConnLost, "the client's node has not answered")
	}
	return nil, NewError(CodeUnknownClient, "nobody is there to be called")
}

// Disconnect ends the connection in order, as [Conn.CloseWith] does; nil means [CodeClosed]. At another node that happens a moment later.
func (r *Remote) Disconnect(why *Error) {
	c, err := r.here()
	switch {
	case err != nil:
	case c != nil:
		c.closeWith(why)
	default:
		r.srv.cluster.disconnect(relay.Topic{To: relay.ToConn, Node: r.ID.Node}, relay.Question{To: relay.ToConn, Conn: r.ID.Conn}, why)
	}
}

// ExceptClients leaves clients out that any nodes have, as [Except] leaves out connections of this server. A send that leaves out more
// than 1,024 clients of other nodes fails with [CodeTooBig].
func ExceptClients(ids ...ClientID) SendOption {
	list := append([]ClientID(nil), ids...)
	return SendOption{sending{ids: &list}}
}

// disconnectUser ends the connections of a user at other nodes.
func (k *cluster) disconnectUser(user string, why *Error) {
	if k.elsewhere() && user != "" {
		k.disconnect(relay.Topic{To: relay.ToUser, Name: user}, relay.Question{To: relay.ToUser, Name: user}, why)
	}
}

// callEverywhere is callHere for the connections of the user at all nodes.
func (u *User) callEverywhere(ctx context.Context, command string, payload []byte) ([]byte, error) {
	k := u.srv.cluster
	elsewhere := func(ctx context.Context) ([]byte, error) {
		q := relay.Question{Subject: relay.Call, To: relay.ToUser, Name: u.id, Word: command, Rest: payload}
		return k.call(ctx, k.serving(), relay.Topic{To: relay.ToNodes}, q)
	}
	if u.Len() == 0 {
		return elsewhere(given(ctx))
	}
	var failed, missed error // firstOf returns when both have returned
	here := func(ctx context.Context) (reply []byte, err error) {
		reply, failed = u.callHere(ctx, command, payload, (*Conn).CallBytes)
		return reply, failed
	}
	others := func(ctx context.Context) (reply []byte, err error) {
		reply, missed = elsewhere(ctx)
		return reply, missed
	}
	reply, err := firstOf(ctx, []func(context.Context) ([]byte, error){here, others})
	switch {
	case err == nil:
		return reply, nil
	case CodeOf(missed) == CodeUnknownClient: // the error of a connection says more
		return nil, failed
	}
	return nil, missed
}
