package core

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/lock"
)

// User returns who the client is, as [Admission.User] said, at a server; empty if it said nothing. It
// does not change, and stays over a resume.
func (c *Conn) User() string { return c.who.User() }

// A User is all connections of one user at the moment of a call, with those that are suspended: the devices, tabs and programs that [Access.Authorize] has given one [Admission.User].
// It is made by [Server.User] and safe for concurrent use.
type User struct {
	srv *Server
	id  string
}

// User returns the user of that id, whether it has a connection or not.
func (s *Server) User(id string) *User { return &User{srv: s, id: id} }

// Users returns the ids of the users that have a connection, sorted.
func (s *Server) Users() []string { return s.roster.Users() }

// ID is what [Admission.User] was.
func (u *User) ID() string { return u.id }

// Clients returns the user's connections when the iteration begins, in no order.
func (u *User) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(u.srv.roster.Of(u.id), yield) }
}

// Len is how many connections the user has.
func (u *User) Len() int { return u.srv.roster.LenOf(u.id) }

// Send queues a command for all connections of the user, encoded once. It fails as [Everybody.Send]
// does, and with [CodeUnknownClient] if the user has no connection: a user is somebody, unlike a
// group, and nothing keeps what is sent, so the program hears that it reached nobody.
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

// CallBytes calls command at all connections of the user that are not suspended, or at all if every
// one is, and returns the first answer; the caller owns it. The other calls are given up then,
// though their handlers may have run. If none answers it fails as the last of them does, or with
// [CodeUnknownClient] if the user has no connection. Otherwise it is like [Conn.CallBytes], and
// [Call] takes a User.
func (u *User) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	conns := present(slices.Collect(u.Clients()))
	switch len(conns) {
	case 0:
		return nil, audience{toUser, u.id}.missing()
	case 1:
		return conns[0].CallBytes(ctx, command, payload)
	}
	ctx, giveUp := context.WithCancel(given(ctx))
	defer giveUp()
	var (
		mu    lock.Mutex[lock.Gathering] // guards the fields below
		reply []byte
		err   error
		done  bool
		calls sync.WaitGroup
	)
	for _, c := range conns {
		calls.Go(func() {
			got, why := c.CallBytes(ctx, command, payload)
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

// Disconnect ends all connections of the user in order, each as [Conn.CloseWith] does; nil is
// [CodeClosed]. Sessions end too, so that what comes afterwards is asked about by Authorize.
func (u *User) Disconnect(why *Error) {
	for c := range u.Clients() {
		c.closeWith(why)
	}
}
