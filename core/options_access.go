package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// Access says who gets in, who may do what and under which name, and what clients hear of each other.
// The zero value lets everybody in and do everything.
type Access struct {
	// Authorize decides about each client, also a client of the original, before it is welcomed. It runs on a goroutine
	// of the newcomer's own, also with Manual, so it may take its time. ctx ends with
	// [Timeouts].Hello, when a Shutdown begins, and when the client hangs up. A client that has hung up
	// does not join, whatever Authorize returns. A client that has closed only its own direction of the stream counts
	// as hung up. If the client has sent 16 KiB after its hello, the server does not notice that it hangs up.
	// If Authorize, or AuthorizeGroup for the groups of the hello, has not returned a second after the end of ctx,
	// the client is refused with [CodeUnavailable] and the server goes on without
	// it. A Shutdown does not wait for Authorize either. A result that comes too late is discarded.
	//
	// An [Error] in the chain of the error that Authorize returns refuses the client with its code, message and
	// RetryAfter: [Retry] says whether the client comes back. An Error without a code is
	// [CodeUnauthorized]. An error of a call to another server is such an Error too, even if it says nothing
	// about the client: wrap an error that is not to decide with %v instead of %w.
	// Everything else means that Authorize could not decide: any other error, also the error of its context,
	// a panic, and the end of its goroutine. Then the client is refused with [CodeUnavailable]
	// and comes back 1 to 3 s later. Such an error may hold Auth. So the logger gets only the types of the errors in
	// its chain, and so does the text of the error that the error hook is given; [errors.Unwrap] returns the error
	// itself. An invalid name or group in a is the program's mistake: the client is refused with [CodeInternal], and
	// comes back as well. Nil lets everybody in.
	Authorize func(ctx context.Context, a *Admission) error

	// AuthorizeCommand decides about each run of a handler for a command, a call, a raw
	// message or a stream, before the middleware runs. It is asked twice about a command that also goes to the
	// message handler, and once about a stream, when it is opened. A call is answered with its error, and a stream ends with it; for
	// any other frame the error goes to the error hook. It is not asked about frames for which [Conn.Recv], [Conn.Expect] and [Conn.RecvRaw] wait.
	AuthorizeCommand func(ctx context.Context, c *Conn, f Frame) error

	// AuthorizeName decides about each name that a client asks for after it was let in. It is also asked when the
	// client wants no name, and about clients of the original. The name of a hello is for Authorize to judge.
	// An error means the same as an error of Authorize,
	// except that the client stays in: an [Error] is the answer that the client gets, and
	// everything else is answered with [CodeUnavailable] and goes to the logger and the error
	// hook. AuthorizeName runs as the handlers of the client do. ctx ends with the connection, and when the
	// client gives up. A name that is reserved or taken is refused all the same.
	//
	// Nil allows every name if Authorize is nil too. With Authorize set, nil means that a client
	// keeps the name that Authorize has given it: if it asks for another name it is answered with
	// [CodeUnauthorized].
	AuthorizeName func(ctx context.Context, c *Conn, name string) error

	// AuthorizeGroup decides about each group that a client asks to join: the groups of its
	// hello, as Authorize has left them, and later groups. It is not asked about leaving. Its error keeps the
	// client out of the group, not out of the server, and means the same as an error of AuthorizeName.
	// The client finds the errors for groups of its hello in [Conn.RefusedGroups]. It runs as
	// AuthorizeName does. For the groups of a hello it runs on the newcomer's goroutine, with a ctx that ends with
	// [Timeouts].Hello, and nothing can be sent to c yet.
	//
	// Nil allows every group if Authorize is nil too. With Authorize set, nil means that a client is in the
	// groups of its hello, as Authorize has left them, and that a later request to join is answered with
	// [CodeUnauthorized].
	AuthorizeGroup func(ctx context.Context, c *Conn, group string) error

	// Notices decides what a client is told of other clients that come, go and change their names. It is
	// asked for each client, to, that wants to hear of other clients, about the other client, of. p holds the name of
	// that client and nothing else. Notices adds to p what the client to may learn, such as the address or groups, may
	// take the name away, and reports whether the client is told at all. It must not keep p.
	// [TellNames], [TellGroups], [TellAddrs] and [TellNobody] are ready-made.
	//
	// Nil tells native clients nothing, which they find out as they connect. Nil tells clients of the original as much as
	// their protocol can say: name, address and a group. The group is told only to its members
	// if Authorize or AuthorizeGroup is set. A function that is set decides for clients of the original as well, and for
	// the records of other clients for which clients of 3.0a ask.
	//
	// For the same two clients and the same name it should always decide the same. It is asked about both names of a
	// client whose name changes, and about the last name of a client that goes. Whether a client hears that another one
	// comes, goes or changes its name follows from these answers. So it should decide by something that stays,
	// such as values ([Conn.Get]), and not by groups. It runs on any goroutine, on several at once
	// and also with Manual, and other clients wait for it: it should not block. If it panics, or puts an
	// invalid name or group into p, nothing is told.
	//
	// Notices wait apart from the receiver's queue while the queue is not nearly empty, and only the latest notice of
	// each client waits. So notices never fill a queue, and a client that reads slowly learns the state in which each
	// client ends up.
	// The notices that wait take about [Limits].QueueBytes at most. Beyond that the oldest are discarded, and count as
	// dropped.
	Notices func(to, of *Conn, p *Presence) bool

	// ReservedNames are names that no client may take. A client that asks for such a name is
	// refused with [CodeNameTaken], unless Authorize gives it another name. Two names count as the same if
	// they differ only in upper and lower case, by Unicode's simple case folding, or in the number of
	// spaces between two words.
	ReservedNames []string

	// UniqueNames lets no two clients have the same name, in the sense of ReservedNames: "Ada" and "ada"
	// are the same. NameConflict says what becomes of a client that comes with the name of another client, or is
	// renamed to it: it is refused with [CodeNameTaken] unless the other client has to make room. With Manual
	// a rename does not wait for the other client to leave: it is refused, and may be tried again. Any number of clients
	// may have no name. It is an error to set NameConflict without UniqueNames.
	UniqueNames  bool
	NameConflict Conflict

	// UserConflict says what becomes of a newcomer whose user has [Limits].MaxConnsPerUser connections already. It is
	// an error to set it without that limit.
	UserConflict Conflict
}

// resolve checks the options, and copies ReservedNames, which the program may change later.
func (a *Access) resolve(f *optionFaults, l Limits) {
	a.ReservedNames = slices.Clone(a.ReservedNames)
	for _, name := range a.ReservedNames {
		if err := checkName(name, l.MaxName); err != nil {
			f.add("Access.ReservedNames", wire.Quote(name), err.text())
		}
	}
	checkConflict(f, "Access.NameConflict", a.NameConflict, a.UniqueNames, "Access.UniqueNames")
	checkConflict(f, "Access.UserConflict", a.UserConflict, l.MaxConnsPerUser > 0, "Limits.MaxConnsPerUser")
}

// checkConflict finds a Conflict that does not exist, or that cannot arise since the option called with is off.
func checkConflict(f *optionFaults, option string, k Conflict, arises bool, with string) {
	switch {
	case k > ConflictReplace:
		f.add(option, valueText(int(k)), "there is no such Conflict")
	case k != ConflictDefault && !arises:
		f.add(option, valueText(int(k)), "it has no effect without "+with)
	}
}
