package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// Access says who gets in, who may do what and under which name, and what clients hear of each other.
// The zero value lets everybody in and do everything.
type Access struct {
	// Authorize is asked before a client is welcomed, a classic one too. It runs on a goroutine of
	// the newcomer's own, also with Manual, so it may take its time: ctx ends with
	// [Timeouts].Hello, when a Shutdown begins, and when the client hangs up. A client that has hung up
	// does not join, whatever Authorize returns; one that has ended its own direction only counts as
	// such. It is not noticed of one that has sent 16 KiB behind its hello.
	// If it has not returned a second after the end of ctx, AuthorizeGroup for the groups of the hello
	// included, the client is refused with [CodeUnavailable], and the server goes on without
	// it: a Shutdown does not wait for it either, and what it returns counts for nothing.
	//
	// An [Error] in the chain of its error refuses the client with that code, message and
	// RetryAfter: [Retry] says whether the client comes back. One without a code is
	// [CodeUnauthorized]. That holds for the error of a call to another server too, whether that
	// has decided about the client or not: wrap with %v instead of %w what is not to decide.
	// Everything else means that Authorize could not decide: any other error, one of its context
	// too, a panic, and the end of its goroutine. Then the client is refused with [CodeUnavailable]
	// and comes back 1 to 3 s later. What it said may hold Auth: the logger and the text of what
	// the error hook is given have no more of it than types, and [errors.Unwrap] has the rest. A
	// name or group that cannot be is the program's mistake: [CodeInternal], which a client comes
	// back from as well. Nil lets everybody in.
	Authorize func(ctx context.Context, a *Admission) error

	// AuthorizeCommand is asked before each run of a handler for a command, a call or a raw
	// message, and before the middleware; a command that also goes to the message handler
	// is asked about twice. A call is answered with its error; that of anything else goes
	// to the error hook. What [Conn.Recv], [Conn.Expect] and [Conn.RecvRaw] wait for is not asked about.
	AuthorizeCommand func(ctx context.Context, c *Conn, f Frame) error

	// AuthorizeName is asked about each name that a client asks for after it was let in, also
	// about having none; the name of a hello is for Authorize. A client of the original that asks
	// for another name is asked about as well. What Authorize's error means its error means too,
	// except that the client stays in: an [Error] is the answer that the client gets, and
	// everything else is answered with [CodeUnavailable] and told to the logger and the error
	// hook. It runs as the handlers of the client do; ctx ends with the connection, and when the
	// client gives up. That it says yes makes no name free that is reserved or taken.
	//
	// Nil allows every name if Authorize is nil too. With Authorize set a client
	// keeps the name that Authorize has given or left: another is answered with
	// [CodeUnauthorized].
	AuthorizeName func(ctx context.Context, c *Conn, name string) error

	// AuthorizeGroup is asked about each group that a client asks to be in: those of its
	// hello that Authorize has left, and later ones. Nobody is asked about leaving. Its error keeps the
	// client out of the group, not out of the server, and means what that of AuthorizeName does;
	// for a group of the hello the client finds it in [Conn.RefusedGroups]. It runs as
	// AuthorizeName does; for the groups of a hello, on the newcomer's goroutine, when c cannot be
	// sent to yet, with a ctx that ends with [Timeouts].Hello.
	//
	// Nil allows every group if Authorize is nil too. With Authorize set a client is in the
	// groups of its hello that Authorize has left, and joining another later is answered with
	// [CodeUnauthorized].
	AuthorizeGroup func(ctx context.Context, c *Conn, group string) error

	// Notices says what a client is told of others that come, go and change their names. It is
	// asked for each client, to, that wants to hear of that, about the other, of, whose name p
	// holds and nothing else. It adds to p what to may learn, such as the address or groups, may
	// take the name away, and reports whether to is told at all; p is the library's again then.
	// [TellNames], [TellGroups], [TellAddrs] and [TellNobody] are ready-made.
	//
	// Nil tells native clients nothing, which they find out as they connect, and classic ones what their
	// protocol has: name, address and a group, the latter, where Authorize or AuthorizeGroup is set, only
	// to those who are in it too. If it is set it holds for classic clients as well, and for
	// the records of others for which those of 3.0a ask.
	//
	// For the same two clients and the same name it should always say the same: of a change of name
	// it is asked about both names, and of one who goes about the last, and from that follows
	// whether to hears of somebody who comes, goes or changes. So it should decide by what stays,
	// such as values ([Conn.Get]), and not by groups. It runs on any goroutine, on several at once
	// and also with Manual, and others wait for it: it should not block. If it panics, or gives a
	// name or group that cannot be, nothing is told.
	//
	// Notices wait apart while the receiver's queue is not nearly empty, and only the latest of
	// each client. So they never fill a queue, and who reads slowly knows in the end what holds.
	// What waits so takes about [Limits].QueueBytes at most; beyond, the oldest are given up, and count as
	// dropped.
	Notices func(to, of *Conn, p *Presence) bool

	// ReservedNames are names that no client may take: one that asks for such a name is
	// refused with [CodeNameTaken], unless Authorize gives it a name. Names are the same here if
	// they differ in upper and lower case only, by Unicode's simple case folding, or in how many
	// spaces stand between two words.
	ReservedNames []string

	// UniqueNames lets no two clients have one name, in the sense of ReservedNames: "Ada" and "ada"
	// are one. NameConflict says what becomes of a client whose name somebody has, also when it is
	// to be renamed: unless that one makes room it is refused with [CodeNameTaken]. With Manual,
	// nobody waits for that to leave: then a rename is refused, and may be tried again. Clients
	// without a name are not concerned. It is an error to set NameConflict without UniqueNames.
	UniqueNames  bool
	NameConflict Conflict

	// UserConflict says what becomes of a client whose user has [Limits].MaxConnsPerUser connections. It is an
	// error without that limit.
	UserConflict Conflict
}

// resolve copies what is not the server's own.
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
