package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// Access says who gets in, who may do what and under which name, and what clients hear of each other.
// The zero value lets everybody in and do everything.
type Access struct {
	// Authorize decides about each client, also one of the original, before it is welcomed. It runs on a goroutine of
	// the newcomer's own, also with Manual, so it may take its time. ctx ends with
	// [Timeouts].Hello, when a Shutdown begins, and when the client hangs up. A client that has hung up
	// does not join, whatever Authorize returns. A client that has ended its own direction only counts as
	// one that has hung up. The server does not notice that a client hangs up if the client has sent 16 KiB after its hello.
	// If Authorize, and AuthorizeGroup for the groups of the hello, have not returned a second after the end of ctx,
	// the client is refused with [CodeUnavailable] and the server goes on without
	// it. A Shutdown does not wait for Authorize either, and a result that comes later counts for nothing.
	//
	// An [Error] in the chain of the error that Authorize returns refuses the client with its code, message and
	// RetryAfter: [Retry] says whether the client comes back. An Error without a code is
	// [CodeUnauthorized]. The same holds for the error of a call to another server, even if that call
	// did not decide about the client: wrap an error that is not to decide with %v instead of %w.
	// Everything else means that Authorize could not decide: any other error, also one of its context,
	// a panic, and the end of its goroutine. Then the client is refused with [CodeUnavailable]
	// and comes back 1 to 3 s later. Such an error may hold Auth: the logger and the text of the error that
	// the error hook is given have no more of it than types, and [errors.Unwrap] has the rest. A
	// name or group that cannot be is the program's mistake: [CodeInternal], from which a client comes
	// back as well. Nil lets everybody in.
	Authorize func(ctx context.Context, a *Admission) error

	// AuthorizeCommand decides about each run of a handler for a command, a call or a raw
	// message, before the middleware runs. It is asked twice about a command that also goes to the
	// message handler. A call is answered with its error; for any other frame the error goes
	// to the error hook. It is not asked about frames for which [Conn.Recv], [Conn.Expect] and [Conn.RecvRaw] wait.
	AuthorizeCommand func(ctx context.Context, c *Conn, f Frame) error

	// AuthorizeName decides about each name for which a client asks after it was let in, also
	// about having none, and also if the client speaks the original's protocol. The name of a hello is for Authorize.
	// Its errors mean what the errors of Authorize mean,
	// except that the client stays in: an [Error] is the answer that the client gets, and
	// everything else is answered with [CodeUnavailable] and told to the logger and the error
	// hook. It runs as the handlers of the client do. ctx ends with the connection, and when the
	// client gives up. A name that is reserved or taken is refused all the same.
	//
	// Nil allows every name if Authorize is nil too. With Authorize set a client
	// keeps the name that Authorize has given or left: if it asks for another it is answered with
	// [CodeUnauthorized].
	AuthorizeName func(ctx context.Context, c *Conn, name string) error

	// AuthorizeGroup decides about each group in which a client asks to be: the groups of its
	// hello that Authorize has left, and later ones. It is not asked about leaving. Its error keeps the
	// client out of the group, not out of the server, and means what an error of AuthorizeName does.
	// The client finds the errors for groups of its hello in [Conn.RefusedGroups]. It runs as
	// AuthorizeName does. For the groups of a hello it runs on the newcomer's goroutine, with a ctx that ends with
	// [Timeouts].Hello, and c cannot be sent to yet.
	//
	// Nil allows every group if Authorize is nil too. With Authorize set a client is in the
	// groups of its hello that Authorize has left, and a later request to join is answered with
	// [CodeUnauthorized].
	AuthorizeGroup func(ctx context.Context, c *Conn, group string) error

	// Notices decides what a client is told of other clients that come, go and change their names. It is
	// asked for each client, to, that wants to hear of others, about the other client, of. p holds the name of that client
	// and nothing else. Notices adds to p what to may learn, such as the address or groups, may
	// take the name away, and reports whether to is told at all. Afterwards p is the library's again.
	// [TellNames], [TellGroups], [TellAddrs] and [TellNobody] are ready-made.
	//
	// Nil tells native clients nothing, which they find out as they connect. Nil tells clients of the original as much as
	// their protocol has: name, address and a group. The group is told only to its members
	// if Authorize or AuthorizeGroup is set. A function that is set decides for clients of the original as well, and for
	// the records of other clients for which those of 3.0a ask.
	//
	// For the same two clients and the same name it should always decide the same. It is asked about both names of a
	// client whose name changes, and about the last name of a client that goes. Whether to hears that somebody comes, goes
	// or changes follows from these answers. So it should decide by something that stays,
	// such as values ([Conn.Get]), and not by groups. It runs on any goroutine, on several at once
	// and also with Manual, and other clients wait for it: it should not block. If it panics, or gives a
	// name or group that cannot be, nothing is told.
	//
	// Notices wait apart from the receiver's queue while that is not nearly empty, and only the latest notice of
	// each client waits. So notices never fill a queue, and a client that reads slowly knows in the end what holds.
	// The notices that wait take about [Limits].QueueBytes at most. Beyond that the oldest are given up, and count as
	// dropped.
	Notices func(to, of *Conn, p *Presence) bool

	// ReservedNames are names that no client may take. A client that asks for such a name is
	// refused with [CodeNameTaken], unless Authorize gives it another name. Two names are the same here if
	// they differ in upper and lower case only, by Unicode's simple case folding, or in how many
	// spaces stand between two words.
	ReservedNames []string

	// UniqueNames lets no two clients have the same name, in the sense of ReservedNames: "Ada" and "ada"
	// are one. NameConflict says what becomes of a client whose name another client has, also of a client
	// that is renamed. It is refused with [CodeNameTaken] unless the other client makes room. With Manual
	// a rename does not wait for the other client to leave: it is refused, and may be tried again. Clients
	// without a name are not concerned. It is an error to set NameConflict without UniqueNames.
	UniqueNames  bool
	NameConflict Conflict

	// UserConflict says what becomes of a client whose user has [Limits].MaxConnsPerUser connections. It is an
	// error to set it without that limit.
	UserConflict Conflict
}

// resolve checks the options, and copies the slice that the program may change.
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

func checkConflict(f *optionFaults, option string, k Conflict, arises bool, with string) {
	switch {
	case k > ConflictReplace:
		f.add(option, valueText(int(k)), "there is no such Conflict")
	case k != ConflictDefault && !arises:
		f.add(option, valueText(int(k)), "it has no effect without "+with)
	}
}
