// Package core is a higher-level socket: programs register handlers for named commands and
// calls, and it takes care of framing, conversion, names, groups, slow peers and limits.
//
//	srv, err := core.NewServer(nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	core.On(srv, "say", func(ctx context.Context, c *core.Conn, text string) error {
//		return srv.All().Send("said", c.Name()+": "+text, core.Except(c))
//	})
//	l, err := tcp.Listen("127.0.0.1:6969", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(srv.Serve(ctx, l))
//
// It knows no medium: a [Server] accepts from any [transport.Listener], several at once, and
// a [Client] connects through any [transport.Dialer]. What goes over the wire is
// in package wire.
//
//	handler ← registry ← reader ← transport.Conn ← peer
//	Send, Call → queue → reader or writer → transport.Conn → peer
//
// # Both ends are alike
//
// Server and client register handlers with the same functions, [On] and [Handle], and a
// handler is given the [Conn] it serves, over which it can send, call, and be called while it
// runs. Only a server has many of them, and groups and names to find them by.
//
// # Order and delivery
//
// What one goroutine sends over one connection is handled there in that order, once. Send
// returning nil means that it is queued; it may still be lost with the connection. Call
// returning nil means that the peer's handler has answered.
//
// # Sending
//
// A connection, a client, and at a server [Server.Named], [Server.User], [Server.Group] and
// [Server.All] are each a [Sender], with the same methods and the same options: [Wait], [Except],
// [Key], [Transient], [MustReach] and [AllOfThem]. [Conn.Expect] and [Expect] wait for a command that
// answers what is sent.
//
// # Coming back
//
// A connection outlives its stream. When that breaks off the client dials again by itself, see
// [Retry], and both ends go on with the same [Conn] and nothing lost, if the client is back
// within [Timeouts.Resume] and what it lacks is still kept. Otherwise the connection
// ends and the client joins anew. [Client.OnState], [Server.OnSuspend] and [Server.OnResume] tell.
//
// # When a queue is full
//
// [Overflow] says what becomes of a command or raw message for which there is no room in the
// queue to the other end, for all that a server or a client sends or for each command. Unless it
// is set a server ends the connection of a client that does not read, and a client waits: a quick
// loop of sends goes at the speed of the network. [CodeQueueFull] means that nothing was queued and
// the connection goes on, and [Wait] waits as long as a context.
//
// # Names and groups
//
// A client has a name, or none, and is in any number of groups. Both are in its hello and change
// later from either end, with [Conn.Rename], [Conn.Join] and [Conn.Leave], which at a client wait
// for the server's answer; the other end hears of it in the events of those names. What a server
// sends to a group it can keep for those who join later: see [History], and at the client
// [Replayed], [Client.OnReplay] and [Client.OnReplayed]. Other clients hear of one
// another as far as [Access.Notices] says.
//
// # Handlers
//
// The handlers of one connection run one at a time, in order of arrival, on the goroutine that
// reads it, unless they are registered as [Concurrent]. One that takes long, or waits for
// the peer, keeps later commands of its own connection waiting, but neither answers nor
// heartbeats, and nothing of other connections. A payload of type []byte is valid until its
// handler returns.
//
// # Hooks
//
// Every hook (OnJoin, OnSuspend, OnState, OnRename, OnMissed, OnError and their like, and what
// authorizes) may send, call and wait for the peer as a handler may. A call there wants the context
// of [Conn.Context]. What comes meanwhile waits for the hook as it waits for a handler; replies and
// heartbeats do not. [Access.Notices] decides only: it runs for each pair of clients. With
// manual dispatch hooks run in Update, like handlers, while others read and write: an Update that
// waits for a peer keeps all other handlers waiting, those that the peer calls back too.
//
// # Dispatch by hand
//
// With [ServerOptions.Manual] no handler runs by itself. A loop, such as that of a game, calls [Server.Update]
// once in each round with the time that it can spare:
//
//	for range time.Tick(time.Second / 60) {
//		srv.Update(4 * time.Millisecond)
//		step()
//		srv.All().Send("state", world)
//	}
//
// Handlers and hooks run on the goroutine that calls Update or [Server.Run], one at a time. What only they and
// the loop touch needs no lock. The error hook, [Access.Notices], middleware of sends and the codec run
// anywhere. Sends may come from any goroutine.
//
// Update runs one message of each client in turn, so that a client that floods the server takes no more of a
// round than others who have something to say. The rest waits for the next round, at most
// [Limits.InboxBytes] of each client; then its connection is not read until there is room, so that the client's own sends
// wait. A rate limit ends the connection of a client that sends more than a program means to.
//
// A call to a client inside the loop keeps the loop until the client has answered: readers and writers have
// goroutines of their own, so the answer comes, but no other handler runs meanwhile. Call from another goroutine, and
// hand the result to the loop over a channel of the program's. A call that a handler must answer in
// Update fails with the caller's context if the same loop waits for that call.
//
// # Limits
//
// Each connection has a queue for what is to be written and an inbox for what waits for a slow
// handler. Both are bounded in bytes: a client that does not read is disconnected with
// [CodeSlowConsumer] unless [Overflow] says otherwise, and a peer that sends faster than its
// handlers run is no longer read until they have caught up. [Limits] and [Timeouts] have all limits and
// their defaults; they hold before a newcomer has said who it is. Zero is the default in all options, and
// negative is off; [NewServer] and [NewClient] fail for what cannot be.
//
// # Who gets in
//
// [Access.Authorize] decides about each newcomer before it is welcomed, and may give it
// another name, other groups, values for [Conn.Get], and a user: an identity above names and
// connections, which nobody else is told, for [Conn.User] and [Server.User]. Only an [Error] of it
// ends a client for good: while it fails otherwise, clients come back later. AuthorizeCommand,
// AuthorizeGroup and AuthorizeName decide what a client may do afterwards. Where Authorize is set
// and one of the last two is not, a client keeps its name and joins no more groups. What a client
// sent as Auth the library writes into no log and no error, and no text of the program's that may
// hold it.
//
// # Errors
//
// Every failure is an [Error] with a [Code], except those of a caller's own context. errors.Is(err, CodeShutdown)
// tells which, and [Text] is the failure in words for people. One that is
// returned to a caller, refuses a client or ends a connection arrives at the other end with its
// code, message, time to wait and details, which [Details] reads. What happens where nobody can be
// told goes to the error hook and the [Logger], which is slog's default unless the options say
// otherwise. Peers cannot fill a log; an error hook is told of every fault.
package core
