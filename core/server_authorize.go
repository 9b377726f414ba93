package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An Admission is a newcomer that [Access.Authorize] decides about. It is valid until
// that returns.
type Admission struct {
	// Name and Groups are those that the client asks for. Authorize may change them: the client gets the
	// name and is in the groups that they say at the end. It is told both, and of each group that was
	// taken away, as [CodeUnauthorized]. Name is empty if the client asks for one of
	// [Access.ReservedNames]; the client is refused if Name is still empty at the end.
	Name   string
	Groups []string

	// User is who the client is, as the program knows it: an identity above names and connections, for
	// [Conn.User] and [Server.User]. Only Authorize sets it. Neither the client nor others are told of
	// it. Empty means nobody in particular.
	User string

	// Asked is the name that the client asks for, also if it is reserved.
	Asked string

	// Auth and Metadata are as the client sent them. A classic client has none. They must not
	// be changed, and Auth should be in no log and no error.
	Auth     []byte
	Metadata map[string]string

	// Info describes the stream: addresses, those of a trusted proxy among them, the TLS state
	// (Info.TLS) and the HTTP request (ws.Request). Each may be asked of every medium.
	Info transport.Info

	// Classic says that the client speaks the original's protocol, so that it cannot be
	// told why it is refused.
	Classic bool

	asked  []string // the groups of the hello
	values []attached
}

// Set attaches a value to the connection to be, for [Conn.Get], as [Conn.Set] does later.
func (a *Admission) Set(key, value any) { a.values = withValue(a.values, key, value) }

// AuthIs reports whether Auth is secret. How long it takes says nothing about how much of
// it is right. No Auth is an empty secret.
func (a *Admission) AuthIs(secret []byte) bool {
	return len(secret) > 0 && safe.Same(a.Auth, secret)
}

// authorize decides whether a newcomer may come in, and says in its hello what it is to be
// called and where it is to be. ctx is that of Authorize.
func (s *Server) authorize(ctx context.Context, info transport.Info, hello *wire.Hello, classic bool) (*Admission, *Error) {
	a := &Admission{
		Name: hello.Name, Groups: hello.Groups, Asked: hello.Name, Auth: hello.Auth, Metadata: hello.Metadata,
		Info: info, Classic: classic, asked: slices.Clone(hello.Groups),
	}
	reserved := s.nameAllowed(hello.Name)
	if s.opts.Access.Authorize == nil {
		return a, reserved
	}
	if reserved != nil {
		a.Name = ""
	}
	if why := s.decide(ctx, a); why != nil {
		return nil, why
	}
	if reserved != nil && a.Name == "" {
		return nil, reserved
	}
	if err := s.checkAdmission(a); err != nil {
		s.eng.log.error(nil, "Authorize gave what cannot be", err, "addr", info.Remote)
		return nil, s.later(wrapError(CodeInternal, "", err))
	}
	hello.Name, hello.Groups = a.Name, a.Groups
	return a, nil
}

// decide runs Authorize and returns the error for a client that is not let in. The text of that error has
// nothing of the program's, which may hold Auth in any form.
func (s *Server) decide(ctx context.Context, a *Admission) (why *Error) {
	defer func() {
		if v := recover(); v != nil {
			s.eng.log.error(nil, "Authorize panicked", nil,
				"addr", a.Info.Remote, "panic", shown(safe.Type(v)), "stack", shown(safe.Stack()))
			err, ok := v.(error)
			if !ok {
				err = NewError(CodeInternal, "Authorize panicked: "+safe.Panic(v))
			}
			why = s.later(&Error{Code: CodeUnavailable, cause: err, secret: true})
		}
	}()
	err := s.opts.Access.Authorize(ctx, a)
	if err == nil {
		return nil
	}
	e, ok := asCoded(err)
	switch {
	case ok && e == nil: // a nil that has become an interface
		return nil
	case ok && !e.blameless:
		no := &Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter, Details: e.Details, cause: err, secret: true}
		if no.Code == CodeNone {
			no.Code = CodeUnauthorized
		}
		no, _ = find[*Error](packed(s.eng.codec, no))
		return no
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return s.later(&Error{Code: CodeUnavailable, Message: "it took too long to decide", cause: err, secret: true})
	}
	return s.later(&Error{Code: CodeUnavailable, cause: err, secret: true})
}

// A client that the server cannot decide about is told to come back between laterLeast and
// laterLeast + laterSpread later.
const (
	laterLeast  = time.Second
	laterSpread = 2 * time.Second
	laterStep   = 1_236_067_977 * time.Nanosecond // laterSpread times the golden ratio, which spreads any number of clients evenly
)

// later says in a refusal when the client is to come back: each client at another time.
func (s *Server) later(why *Error) *Error {
	i := s.laters.Add(1)
	why.RetryAfter = laterLeast + (time.Duration(i%1e6) * laterStep % laterSpread).Truncate(time.Millisecond)
	return why
}

// checkAdmission reports a name or groups of Authorize that cannot be.
func (s *Server) checkAdmission(a *Admission) *Error {
	a.Groups = slices.Compact(slices.Sorted(slices.Values(a.Groups)))
	if len(a.Groups) > s.opts.Limits.MaxGroups {
		return NewError(CodeTooManyGroups, "more groups than a client may be in")
	}
	names := a.Groups
	if a.Name != "" {
		names = append([]string{a.Name}, names...)
	}
	for _, name := range names {
		if err := checkName(name, s.opts.Limits.MaxName); err != nil {
			return err
		}
	}
	return nil
}

// nameAllowed reports why a client may not take a name by itself, or nil. The error for a reserved name is
// that of a name which somebody has.
func (s *Server) nameAllowed(name string) *Error {
	if name == "" {
		return nil
	}
	if _, ok := s.reserved[roster.Fold(name)]; ok {
		return nameTaken(name)
	}
	return nil
}

// foldNames returns the set of the folded names.
func foldNames(names []string) map[string]struct{} {
	set := make(map[string]struct{})
	for _, name := range names {
		set[roster.Fold(name)] = struct{}{}
	}
	return set
}

func nameTaken(name string) *Error {
	return NewError(CodeNameTaken, "the name "+safe.Text(name)+" is taken")
}
