// Package wire turns the frames of hisock's native format, version 1, into bytes
// and back. It does no I/O, starts no goroutine and reads no clock, and several
// goroutines may call its functions at once.
//
//	frame := wire.AppendCommand(nil, "say", []byte("hello"))
//
//	f, size, ok, err := wire.Next(input, wire.DefaultMaxFrame)
//	if err == nil && ok && f.Kind == wire.KindCommand {
//		name, payload, err := wire.ParseCommand(f.Body)
//		...
//		input = input[size:]
//	}
//
// Parse reads back exactly what Append has written, except for texts and times that
// Append has cut to their limit. There is one way to write each frame. A
// length or count is checked against its limit before anything is allocated for it.
//
// # Connection
//
// A client sends a preface of four bytes and then frames; a server sends only frames.
//
//	offset  bytes        meaning
//	0       00 48 53     native hisock
//	3       01           version of the framing
//
// The client's first frame is a hello, the server's first a welcome or refuse. A client that ends its
// direction before the welcome has given up. If a welcome resumes nothing and has a token, the client sends
// an ack of 0 at once: the server keeps a session only once an ack has come,
// since before that the client may not have its token.
//
// # Frame
//
//	offset  bytes        meaning                         limit
//	0       1-10 (n)     length of kind and body         1 to the receiver's limit, DefaultMaxFrame
//	n       1            kind                            see Kind; from 0x80 skipped if unknown
//	n+1     length-1     body                            by kind, below
//
// A number (uvarint) has seven bits in each byte, low bits first, and the high bit set in
// every byte but the last. It has at most 64 bits, and no more bytes than it
// needs. A string is its length in bytes as a number and then that many bytes of UTF-8.
// A payload is the rest of the body and may be any bytes, also none; so are details.
// Times are in milliseconds, at most 2147483647.
//
// # Bodies
//
// C is sent by clients only, S by servers only, B by both.
//
//	kind  by  name           counted  body in order, with its limit
//	01    C   hello          no       fields, below
//	02    S   welcome        no       fields, below
//	03    S   refuse         no       code (32 bits), reason (string, MaxReason), retry after (ms), details
//	10    B   command        yes      name (string), payload
//	11    B   raw            yes      payload
//	12    B   request        yes      id, name (string), payload
//	13    B   reply          yes      id, payload
//	14    B   failure        yes      id, code (32 bits, not 0), message (string, MaxReason), retry after (ms), details
//	15    B   cancel         yes      id
//	16    B   stream item    yes      id, payload
//	17    B   stream end     yes      id, code (32 bits, 0: complete), message (string, MaxReason), retry after (ms), details
//	18    B   stream credit  yes      id, how many more bytes (1 to MaxStreamCredit)
//	19    B   standstill     yes      all (0 or 1), turn, number of calls waited for (to MaxStandstill), each (id),
//	                                  number of calls kept (to MaxStandstill), each (id)
//	1a    B   stream         yes      id (not 0), window (bytes, to MaxStreamCredit), silent (0 or 1), name (string), payload
//	1b    B   stream part    yes      id, payload (not empty)
//	20    B   ping           no       nonce
//	21    B   pong           no       the ping's nonce
//	22    B   ack            no       counted frames received in this session
//	23    B   goodbye        no       code (32 bits), reason (string, MaxReason), retry after (ms), details
//	24    B   missed         no       frames to the receiver that were dropped in this session
//	30    S   join group     yes      name (string)
//	31    S   leave group    yes      name (string)
//	32    S   joined         yes      name (string), number of groups, each (string), address (string)
//	33    S   left           yes      as joined
//	34    S   rename         yes      name (string, may be empty)
//	35    S   renamed        yes      old name, new name (strings, may be empty), address (string)
//	36    C   ask join       yes      id, name (string), nothing or a position: epoch (not 0), number
//	37    C   ask leave      yes      id, name (string)
//	38    C   ask rename     yes      id, name (string, may be empty)
//	39    S   replay         yes      group (string), epoch (not 0), number of the last, count (not over that),
//	                                  again (0 or 1)
//	3a    S   replay end     yes      group (string); none follows a replay with a count of 0
//	3b    S   group command  yes      group (string), number (not 0), name (string), payload
//	3c    S   group raw      yes      group (string), number (not 0), payload
//	3d    S   group passed   yes      group (string), number (not 0)
//
// With ask join, ask leave and ask rename a client asks to be in a group, to leave it, or for another name. It is
// answered by a reply without a payload or by a failure. With join group, leave group and rename a server states
// each change, whether the client or the server's program has wanted it: once for each change, in
// the order in which the changes took effect, and before the reply. An empty name means that the client has none.
//
// A server may keep the messages to a group. Such messages have numbers, from 1 on and without
// gaps, within an epoch, and are sent as group command or group raw, each with its group and
// number. A message that is not kept is sent as a command or raw. A member that a message is not
// meant for gets a group passed in its place, or nothing. A server that gives newcomers the kept messages
// sends a replay when the client has come into the group: after the welcome or the join group frame,
// and before any message of the group. The last messages follow, as many as the replay says except messages
// that are too long for the client, and then a replay end. Before the replay end, a message of the group is replayed if
// its number is at most the last number of the replay, and new otherwise. Without "again" the client
// leaves out the messages that it has had. With "again" the program wants them to come once more; such a replay may come
// at any time, also if the client is not in the group.
//
// The epoch holds until the next replay of the group on the same connection. Messages come in the
// order of their numbers, except for replays and for a message that had to wait for room.
//
// The position of a client in a group is the epoch and the greatest number of a message that it was given or
// that a group passed told it of. Before the first message of a replay it is the number before that message. In a hello,
// and in an ask join, a client may tell its position in a group. Then the server replays only messages
// after it. A position of another epoch, or beyond the last number, counts as none. A position never
// gives a client a message that it would not get without.
//
// A client has missed the messages after its position and before the first message of a replay. Their number is known
// if the epoch is the same and the position is not beyond the last number, and otherwise unknown. A client that has no
// position has missed nothing.
//
// A peer that sends acks also sends one before a goodbye, if it has received frames that it has not
// acknowledged.
//
// A request and an ask are answered under their id, or given up under it by a cancel. The sender of the request or ask
// chooses the id; the two directions have ids of their own.
// The name in a command, request or ask may be any bytes in this package: the caller decides what to
// answer to a wrong name.
//
// A stream frame opens a stream. Both sides then send items until each has said that it has sent all. The id is odd if
// a client opens the stream and even if a server does. It is greater than the ids of all streams that the same side has
// opened before in the session. "Silent" says that the opener sends no items. All other frames of the stream have its
// id, in both directions. An item is a stream item, or one or more stream parts and then a stream item. The payload of
// the item is all their payloads together. This library sends parts of at most 63 KiB, and shorter ones over a slow path,
// so that nothing waits for a long item.
//
// A side needs credit for each stream item or part that it sends: StreamItemCost and the length of the payload. Its
// first credit is the window of the stream frame, or FirstStreamCredit if it has opened the stream. Each stream credit
// adds to it. A receiver grants credit as its program takes items, and as parts come of an item for which its program
// waits.
//
// A stream end with the code 0 says that the sender has sent all its items. The other side may go on. A stream end with
// another code ends both directions, or the direction that has not ended: it comes after everything that the sender has
// sent, and the sender takes no more items. The side that did not open the stream also sends such an end when it has
// sent all its items and wants no more. A stream is over when both directions have ended. A stream that is refused is
// answered with such an end.
//
// A standstill says that calls of the receiver, the calls kept, wait at the sender for a handler
// that has the connection's turn, and that this handler waits for calls that the sender has made to the receiver, the
// calls waited for. The first "turn" of them are the calls that this handler itself waits for. If turn is 0, the handler
// waits until any other handler returns that waits for one of these calls. "All" says that no other handler of the
// connection runs.
//
// The receiver fails the latest call kept that one of its own handlers has made, with the code of a deadlock (35), and
// cancels it, if nothing else can end the wait. That is so if a call waited for is being handled by a handler which
// waits for a call kept, or waits behind such a handler. With "all" it is also so if each call waited for is being
// handled by a handler that waits for a call of the receiver, or waits behind such a handler. A standstill may be sent at
// any time, and again as long as it is true, and may be ignored.
//
// # Fields
//
// The body of hello and welcome is a row of fields, in any order. A field is a tag
// (number), a length (number) and that many bytes. A field that is left out has
// its zero value. A field with a tag that the receiver does not know for this frame
// is skipped, so that later versions can add fields.
//
//	tag  name         hello  welcome  value                            limit
//	1    version      must   must     number, not 0                    64 bits
//	2    name         may    may      a name                           Limits.MaxName
//	3    group        many   many     a name, not empty                Limits.MaxName, MaxGroups fields
//	4    auth         may    -        bytes                            Limits.MaxAuth
//	5    metadata     many   -        key (string), value (the rest)   Limits.MaxMetadata in all
//	6    session      may    may      bytes                            Limits.MaxToken
//	7    token        may    may      bytes                            Limits.MaxToken
//	8    received     may    may      number                           64 bits
//	9    notices      may    may      one byte, 0 or 1
//	10   max frame    may    may      number, in bytes                 64 bits
//	11   max name     -      may      number, in bytes                 64 bits
//	12   max command  -      may      number, in bytes                 64 bits
//	13   max groups   -      may      number                           64 bits
//	14   max calls    -      may      number                           64 bits
//	15   heartbeat    -      may      number, in ms                    2147483647
//	16   resumed      -      may      one byte, 0 or 1
//	17   addr         -      may      UTF-8                            Limits.MaxAddr
//	18   resume       may    -        one byte, 0 or 1
//	19   ack bytes    may    may      number, in bytes                 64 bits
//	20   refused group
//	                  -      many     name (string), code, retry after (ms), reason (the rest)
//	                                  Limits.MaxName, MaxReason, MaxGroups fields
//	21   resume time  -      may      number, in ms                    2147483647
//	22   only resume  may    -        one byte, 0 or 1
//	23   position     many   -        group (string), epoch (not 0), number
//	                                  Limits.MaxName; more than MaxGroups fields are skipped
//
// A refused group is a group of the hello that the client is not in, with the reason. If a
// welcome would be longer than the client's max frame, the server leaves reasons out, then refused groups, and
// then groups; join group frames tell the client that it is in those. A welcome that
// resumes a session has no groups, since the client knows them.
//
// A client is in at most as many groups at a time as "max groups" of the welcome says. If a server tells it of
// more, the client ends the connection.
//
// A client that names a session goes on with it. If the session cannot go on, the client joins anew, as if it had named
// none. With "only resume" it is refused instead, with the code "session over", and tells in its next hello who it is. A
// hello whose "received" is less than an ack of the session has told is an old one, and leaves the session as it is.
//
// With "notices" a client asks to be told of other clients, and a server says that it tells this client of
// some. Without "notices" in the welcome no joined, left or renamed comes. A field that the server does not tell is
// empty in a notice. A server may leave notices out that are overtaken: of a client that came and went, and
// of all names of a client but the last.
//
// Names must pass [ValidName]. [NameRune] says which characters they may have.
//
// # Faults
//
// "Ends" means that the receiver sends a goodbye with the code, or a refuse if no
// welcome was sent yet, and closes. "Skips" means that it goes on as if the frame
// were not there, though the frame counts. "Answers" means a failure for the request or ask.
// This package finds the faults of the first two parts, and its caller those of the last.
//
//	fault in a frame                               code          receiver
//	length 0                                       protocol      ends
//	length over the limit                          too big       ends, before the body has come
//	length longer than needed or over 64 bits      protocol      ends
//	unknown kind below 0x80                        protocol      ends, before the body has come
//	unknown kind from 0x80                         -             skips, not counted
//
//	fault in a body
//	number longer than needed or over 64 bits      protocol      ends
//	string, field or number cut short              protocol      ends
//	bytes after the end of a fixed body            protocol      ends
//	code over 32 bits, failure with code 0         protocol      ends
//	epoch 0, number 0 of a message to a group      protocol      ends
//	count over the last number, again neither 0 nor 1
//	                                               protocol      ends
//	time over its limit                            protocol      ends
//	text that is not UTF-8                         protocol      ends
//	text, auth, metadata or token over its limit   too big       ends
//	name that ValidName refuses, in hello and in frames of a server, except an empty one where it may be
//	                                               bad name      ends
//	more groups than the limit, in one frame       too many groups  ends
//	version missing or 0                           protocol      ends
//	known field or metadata key twice              protocol      ends
//	bool field, "all" or "silent" that is neither 0 nor 1
//	                                               protocol      ends
//	stream with id 0, stream part without a payload, stream credit of 0
//	                                               protocol      ends
//	window or stream credit over MaxStreamCredit   protocol      ends
//	standstill with more calls of either kind than MaxStandstill
//	                                               too big       ends
//	standstill with fewer calls waited for than turn says
//	                                               protocol      ends
//	unknown field                                  -             skips the field
//
//	fault in the conversation
//	preface of another version                     version       ends
//	first bytes that are not the preface           not native    ends
//	version in the hello that is not spoken        version       ends
//	only resume, and the session cannot go on      session over  refuses
//	frame before the hello or welcome, or a second one of them
//	                                               protocol      ends
//	frame that this side does not receive          protocol      ends
//	request or ask with the id of another that is being handled
//	                                               protocol      ends
//	ack of more than was sent                      protocol      ends
//	command with a wrong or unknown name           -             skips, tells its own program
//	request with a wrong name                      bad name      answers
//	request with an unknown name                   unknown command  answers
//	reply, failure, cancel or frame of a stream for an id that is not in use
//	                                               -             skips
//	stream whose id is of the receiver's side, or not greater than the one before
//	                                               protocol      ends
//	stream item or part without credit, or after the sender's end
//	                                               protocol      ends
//	second stream end with the code 0              protocol      ends
//	credit that would be over MaxStreamCredit together
//	                                               protocol      ends
//	stream with a wrong, unknown or forbidden name, or one too many
//	                                               as a request  answers with a stream end
//	item over the receiver's limit                 too big       answers with a stream end
//	ask with a name that ValidName refuses, except an empty one in ask rename
//	                                               bad name      answers
//	ask that is not allowed                        unauthorized, name taken, too many groups, or what the program says
//	                                                             answers
//	ask for a change that has been made already    -             answers with a reply
//	message to a group whose epoch the client does not know
//	                                               -             handles it, without a position
//	replay end without a replay before it          -             skips
//	position of a group twice in a hello           -             takes the first
//	join group, leave group or rename that changes nothing
//	                                               -             skips
//	pong with another nonce                        -             skips
package wire
