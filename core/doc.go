// Package core is a higher-level socket: a program registers handlers for named commands and
// calls, and the package takes care of framing, conversion, names, groups, slow peers and limits.
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
// The package knows no medium: a [Server] accepts from any [transport.Listener], several at once, and
// a [Client] connects through any [transport.Dialer]. Package wire describes the bytes
// that go over the wire.
//
//	handler ← handlers ← reader ← transport.Conn ← peer
//	Send, Call → queue → reader or writer → transport.Conn → peer
//
// # Both ends are alike
//
// Server and client register handlers with the same functions, [On] and [Handle]. A
// handler is given the [Conn] that its frame came over. The handler can send and call over it, and its own end
// can be called while the handler runs. Only a server has many connections, and groups and names to find them by.
//
// # Order and delivery
//
// Messages that one goroutine sends over one connection are handled once each, in the order in which they were
// sent. If Send returns nil, the message is queued; it may still be lost with the connection. If Call
// returns no error, the peer's handler has answered.
//
// # Sending
//
// A connection, a client, and at a server [Server.Named], [Server.User], [Server.Group] and
// [Server.All] are each a [Sender], with the same methods and the same options: [Wait], [Except],
// [Key], [Transient], [MustReach] and [AllOfThem]. [Conn.Expect] and [Expect] wait for a command that
// the peer sends in reply.
//
// # Coming back
//
// A connection outlives its stream. When the stream breaks off, the client dials again by itself, as
// [Retry] says. If the client is back within [Timeouts.Resume], and the frames that either end lacks are still
// kept, both ends go on with the same [Conn] and nothing is lost. Otherwise the connection
// ends and the client joins anew. [Client.OnState], [Server.OnSuspend] and [Server.OnResume] tell the program.
//
// # When a queue is full
//
// [Overflow] says what becomes of a command or raw message for which there is no room in the
// queue to the other end. It is set for a whole server or client, or for each command. If it
// is not set, a server ends the connection of a client that does not read, and a client waits: a quick
// loop of sends goes at the speed of the network. [CodeQueueFull] means that nothing was queued and
// the connection goes on. [Wait] makes one send wait for room until a context ends.
//
// # Names and groups
//
// A client has at most one name and is in any number of groups. Its hello, the first frame that it sends, asks for
// both. Later either end changes them with [Conn.Rename], [Conn.Join] and [Conn.Leave], which on a client wait
// for the server's answer. OnRename, OnJoinGroup and OnLeaveGroup tell the other end's program of a change.
// A server can keep messages to a group for clients that join later, in its memory or in a [HistoryStore] that
// several servers share: see [History], and on a client [Replayed], [Client.OnReplay] and [Client.OnReplayed].
// [Access.Notices] decides what clients hear of one another.
//
// # Handlers
//
// The handlers of one connection run one at a time, in order of arrival, on the goroutine that
// reads the connection, unless they are registered as [Concurrent]. While a handler runs long, or waits for
// the peer, later commands of its own connection wait. Replies and heartbeats do not, and
// other connections do not either. A payload of type []byte is valid until its
// handler returns, and an item of a stream until the next item is asked for.
//
// # Streams
//
// A call has one answer. A stream has many items, one way or both, or bytes: [Stream] with [HandleStream] for items of a
// handler, [Upload] with [HandleUpload] for items of a caller and one answer, [Exchange] with [HandleExchange] for both at
// once, and [OpenByteStream] with [HandleByteStream] for an [io.Reader] and [io.Writer]. Servers and clients open streams
// to each other.
//
//	for tick, err := range core.Stream[Tick](ctx, client, "ticks", "ACME") {
//		...
//	}
//
// A break, an error of either side, a panic and the end of the context end a stream at both ends, with the
// reason. A sender waits for its receiver, within a window ([Limits].StreamWindow), which grows while the receiver
// takes all that comes: so a stream of any length never fills a queue. Commands, calls and answers go ahead of
// streams. Over a slow path nearly each small call takes at most twice as long beside streams at full speed as
// alone, also if they go in both directions. Streams of one direction share the path. A stream goes on over a
// resume, each item once and in order. If the session is given up, both ends have a [StreamError] that says how far
// the stream came. A [ByteStream] has deadlines, as a [net.Conn] has, and [ByteStream.CloseWithError] ends it
// at once and says why. Handlers of streams run beside the connection's other handlers, at most
// [Limits].MaxStreams for a client.
//
// Use a command for a message without an answer, a call for one question, and a stream for something that has
// many parts, is long, or must not run ahead of its reader.
//
// # Hooks
//
// A hook is a function that the program registers for an event: OnJoin, OnSuspend, OnState, OnRename, OnMissed,
// OnError and the like, and the functions of [Access]. A hook may send, call and wait for the peer as a handler
// may. A call from a hook should use [Conn.Context]. Commands that come meanwhile wait for the hook as they wait
// for a handler; replies and heartbeats do not. Only [Access.Notices] should not wait: it runs for each pair of
// clients. With manual dispatch, hooks run in Update, like handlers, while other goroutines read and write. An
// Update that waits for a peer keeps all other handlers waiting, also the handlers that the peer calls back.
//
// # Dispatch by hand
//
// With [ServerOptions.Manual] no handler runs by itself. The program's loop, a game's for instance, calls
// [Server.Update] once in each round with the time that it can spare:
//
//	for range time.Tick(time.Second / 60) {
//		srv.Update(4 * time.Millisecond)
//		step()
//		srv.All().Send("state", world)
//	}
//
// Handlers and hooks run on the goroutine that calls Update or [Server.Run], one at a time. Variables that only they and
// the loop touch need no lock. The error hook, [Access.Authorize], [Access.Notices], middleware of sends and the
// codec run on other goroutines too. Any goroutine may send.
//
// Update handles one message of each client in turn: a client that floods the server takes no more of a
// round than any other client that has sent something. The rest waits for the next round, at most
// [Limits.InboxBytes] of each client. When a client's inbox is full, its connection is not read until there is
// room, and the client's own sends wait. A rate limit ends the connection of a client that sends more than it should.
//
// A call to a client inside the loop keeps the loop waiting for the answer. The answer comes, since readers and writers
// have goroutines of their own, but no other handler runs meanwhile. So call from another goroutine, and
// hand the result to the loop over a channel. If the peer answers only after a handler of this side has run, which
// only Update would run, the call fails when its context ends.
//
// # Several servers as one
//
// Servers with one [Relay] in their [ClusterOptions] are nodes of a cluster. What is sent to all, a group, a name or
// a user reaches the clients of all nodes. [Server.Cluster] finds, calls and disconnects clients at any node, and
// opens streams to them. A client that comes back to another node goes on with its session there; OnLeave then runs
// at the old node, with a reason for which [IsMoved] is true, and OnResume at the new one. Everything that returns
// a *Conn is about the clients of its own server. docs/cluster.md says what is promised.
//
// # Limits
//
// Each connection has a queue for frames that are to be written, and an inbox for frames that wait for a slow
// handler. Both are bounded in bytes. A client that does not read is disconnected with
// [CodeSlowConsumer] unless [Overflow] says otherwise. A peer that sends faster than its
// handlers run is not read until they have caught up. [Limits] and [Timeouts] have all limits and
// their defaults; they also hold for a newcomer that has not sent its hello. In all options zero is the default and
// negative is off; [NewServer] and [NewClient] fail if an option is invalid.
//
// # Who gets in
//
// [Access.Authorize] decides about each newcomer before it is welcomed. It may give the newcomer
// another name, other groups, values for [Conn.Get], and a user: an identity above names and
// connections, which nobody else is told, for [Conn.User] and [Server.User]. If it returns an [Error] with
// a final code, the client stays away. If it fails otherwise, the client comes back later. AuthorizeCommand,
// AuthorizeGroup and AuthorizeName decide what a client may do afterwards. If Authorize is set
// and AuthorizeName is not, a client cannot change its name. If Authorize is set and AuthorizeGroup is not, a
// client cannot join more groups. The library writes neither a client's Auth nor a text of the program that may
// hold it into a log or an error.
//
// # Errors
//
// Every failure is an [Error] with a [Code], except the error of a caller's own context. errors.Is(err, CodeShutdown)
// tells codes apart, and [Text] is the failure in words for people. An Error that is
// returned to a caller, refuses a client or ends a connection arrives at the other end with its
// code, message, time to wait and details, which [Details] reads. If no caller can be told of a failure, the
// failure goes to the error hook and to the [Logger], which is slog's default unless the options say
// otherwise. The logger does not get every fault, so that peers cannot fill a log; the error hook does.
package core
