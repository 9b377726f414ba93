package core

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/lock"
)

// User returns the id of the client's user, which [Access.Authorize] has put into [Admission.User], at a server. It is
// empty if Authorize has set none. It never changes, not even by a resume.
func (c *Conn) User() string { return c.who.User() }

// A User stands for all connections of one user at the moment of each call, suspended ones included: the devices, tabs
// and programs to which [Access.Authorize] has given the same [Admission.User].
// It is made by [Server.User] and safe for concurrent use.
type User struct {
	srv *Server
	id  string
}

// User returns the user with that id, whether it has a connection or not.
func (s *Server) User(id string) *User { return &User{srv: s, id: id} }

// Users returns the ids of the users that have a connection, sorted.
func (s *Server) Users() []string { return s.roster.Users() }

// ID is the id of the user: the [Admission.User] of its connections.
func (u *User) ID() string { return u.id }

// Clients returns the user's connections when the iteration begins, in no order.
func (u *User) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(u.srv.roster.Of(u.id), yield) }
}

// Len is the number of connections that the user has.
func (u *User) Len() int { return u.srv.roster.LenOf(u.id) }

// Send queues a command for all connections of the user, encoded once. It fails as [Everybody.Send]
// does, and with [CodeUnknownClient] if the user has no connection. An empty [Group] is no such error, since a
// [History] may keep what is sent to a group.
func (u *User) Send(command string, v any, opts ...SendOption) error {
	return u.srv.publishValue(audience{toUser, u.id}, command, v, opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (u *User) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return u.srv.publish(audience{toUser, u.id}, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message for all connections of the user. It does not keep payload.
func (u *User) SendRaw(payload []byte, opts ...SendOption) error {
	return u.srv.publish(audience{toUser, u.id}, Frame{KindRaw, "", payload}, 0, opts)
}

func (u *User) codec() convert.Codec { return u.srv.eng.codec }

// CallBytes calls command at all connections of the user that are not suspended, or at all of them if all are
// suspended, and returns the first answer; the caller owns it. The other calls are given up then,
// though their handlers may have run. If no connection answers, it fails with the error of the last call that failed, or
// with [CodeUnknownClient] if the user has no connection. Otherwise it is like [Conn.CallBytes]. [Call] takes a User too.
func (u *User) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	if u.srv.cluster.elsewhere() {
		return u.callEverywhere(ctx, command, payload)
	}
	return u.callHere(ctx, command, payload, (*Conn).CallBytes)
}

// callHere calls the connections of the user at this server, each by call.
func (u *User) callHere(ctx context.Context, command string, payload []byte, call func(*Conn, context.Context, string, []byte) ([]byte, error)) ([]byte, error) {
	conns := present(slices.Collect(u.Clients()))
	switch len(conns) {
	case 0:
		return nil, audience{toUser, u.id}.missing()
	case 1:
		return call(conns[0], ctx, command, payload)
	}
	callees := make([]func(context.Context) ([]byte, error), len(conns))
	for i, c := range conns {
		callees[i] = func(ctx context.Context) ([]byte, error) { return call(c, ctx, command, payload) }
	}
	return firstOf(ctx, callees)
}

// firstOf calls all callees side by side and returns the first answer. The other calls are given up then. If none answers, it fails with the
// error of the last call that failed.
func firstOf(ctx context.Context, callees []func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, giveUp := context.WithCancel(given(ctx))
	defer giveUp()
	var (
		mu    lock.Mutex[lock.Gathering] // guards the fields below
		reply []byte
		err   error
		done  bool
		calls sync.WaitGroup
	)
	for _, callee := range callees {
		calls.Go(func() {
			got, why := callee(ctx)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case done:
			case why != nil:
				err = why
			default:
				reply, err, done = got, nil, true
				giveUp()
			}
		})
	}
	calls.Wait()
	return reply, err
}

// Disconnect ends all connections of the user in order, each as [Conn.CloseWith] does; nil means
// [CodeClosed]. Their sessions end too: a client of the user that comes afterwards joins anew, and Authorize decides
// about it. In a cluster the connections at other nodes are ended as well, a moment later.
func (u *User) Disconnect(why *Error) {
	for c := range u.Clients() {
		c.closeWith(why)
	}
	u.srv.cluster.disconnectUser(u.id, why)
}
