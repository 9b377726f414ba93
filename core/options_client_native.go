//go:build !js

package core

import (
	"context"
	"time"
)

// ClientOptions configure a [Client]. They are copied when it is made; a nil pointer and the zero value
// mean the defaults. The rule of [ServerOptions] holds: zero is the default, negative is off where an option can be
// off, and whatever else cannot be makes [NewClient] fail.
//
// A browser build has none of Classic, Manual, Overflow and OverflowOf.
type ClientOptions struct {
	// Name is what the client wants to be called. Empty means that it has no name. If the name or one
	// of the Groups is not well formed, [Client.Connect] fails with [CodeBadName].
	Name string

	// Groups are those that the client joins as it connects. One that joins anew by itself asks for
	// those that it is in by then, and for the name that it asked for last with [Client.Rename].
	Groups []string

	// Auth is handed to the server and never logged.
	Auth []byte

	// AuthFunc gives the Auth of each time that the client joins, in place of Auth: as it connects,
	// and as it joins anew. A resume is proven by the session's own token and asks nothing. ctx
	// ends when the attempt is given up, for instance by [Client.Close], and after 15 s, which the
	// client waits for it.
	//
	// An [Error] whose code is final ends the client, as [Retry] says. Any other error, and a
	// panic, is an attempt that failed. What AuthFunc returns is never logged. It runs on a
	// goroutine of its own, once at a time. It is an error to set Auth as well.
	AuthFunc func(ctx context.Context) ([]byte, error)

	// Metadata is handed to the server.
	Metadata map[string]string

	// Classic makes the client speak the original's protocol. Nil means the native one.
	Classic *Classic

	// Retry says how the client comes back when its connection has broken off.
	Retry Retry

	// ConnectTimeout is how long an attempt to connect may take, from dialing to the server's
	// welcome: that of [Client.Connect], which then fails with [CodeDeadlineExceeded], and each later
	// one. The 15 s of AuthFunc come before it. The context of Connect may end it earlier. Zero means 15 s. Negative means
	// that only the context bounds Connect; later attempts take 15 s at most.
	ConnectTimeout time.Duration

	// Session is what [Client.Detach] has returned, here or in an earlier program: the first Connect
	// that succeeds goes on with it, and [Client.OnState] says [StateResumed] first. The client then
	// has the name and the groups that it had. It joins anew, and OnState says [StateConnected], if
	// the server has given the session up, or if these bytes are damaged or of another version. A
	// session can be gone on with once. It is an error to set [Retry].Off or Classic as well.
	Session []byte

	// Manual is [ServerOptions.Manual] for [Client.Update] and [Client.Run].
	Manual bool

	// Overflow and OverflowOf say what becomes of a command or raw message to the server for which
	// there is no room within QueueBytes; [Overflow] says what that means while the client is
	// away. They are what [ServerOptions] call so, except that the default is [OverflowBlock].
	Overflow   Overflow
	OverflowOf map[string]Overflow

	// MaxFrame, QueueBytes, InboxBytes and MaxConcurrent mean what they mean in [Limits], toward the
	// server, WriteTimeout and CloseTimeout what Write and Close mean in [Timeouts], and Codec and
	// Logger what they mean in [ServerOptions]. How often there are heartbeats, and how long a session
	// waits, the server says.
	MaxFrame      int
	QueueBytes    int
	InboxBytes    int
	MaxConcurrent int
	WriteTimeout  time.Duration
	CloseTimeout  time.Duration
	Codec         Codec
	Logger        Logger
}

// native returns the options that a browser build does not have.
func (o *ClientOptions) native() nativeOptions {
	return nativeOptions{o.Classic, o.Manual, o.Overflow, o.OverflowOf}
}
