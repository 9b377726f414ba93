// Package classic turns the frames of the original hisock, the Python package, into
// bytes and back, as release 0.0.2 has them and, in the last sections, as releases
// 1.0 to 1.2, 2.0 to 2.0.2 and 3.0a do. It does no I/O, starts no goroutine and reads no
// clock, and every function of it may be called by several goroutines at once.
//
//	frame := classic.AppendCommand(nil, 0, "say", []byte("hello"))
//
//	payload, size, ok, err := classic.Next(input, 0, wire.DefaultMaxFrame)
//	if err == nil && ok {
//		if name, content, ok := classic.SplitCommand(payload); ok {
//			...
//		}
//		input = input[size:]
//	}
//
// What Append writes, Parse reads back as it was, and Append writes the very
// bytes that the original writes. A length is held against its limit before
// anything of that size is waited for or allocated.
//
// # Connection
//
// Client and server send nothing but frames. The client's first is a hello, to
// which the server sends no answer. There is no goodbye either: leaving is
// closing, so a peer never learns why its connection ended.
//
// The first byte of a connection tells this protocol from the native one: an
// ASCII digit, since the original begins no header with anything else.
//
// # Frame
//
// n is the header's length, 16 unless both ends are set to another one. It is
// never negotiated, and nothing tells a peer that its own differs.
//
//	offset  bytes   meaning                                  limit
//	0       n       header: length of the payload, decimal,  1 GiB, and what n digits can say;
//	                left-aligned, padded with spaces         the receiver's limit for payloads
//	n       length  payload
//
// A header is read as the original reads it: spaces, tabs and line ends on either
// side (ASCII 09 to 0d and 20), a plus sign and leading zeros are tolerated.
//
// The original reads a header with one call and a payload with another, and goes
// on with whatever came. So a frame must be sent to it with one write, and its
// payload be small: 32 KiB is safe on loopback.
//
// # Payloads
//
// C is sent by clients only, S by servers only, B by both. A dot is one space.
//
//	by  payload                meaning
//	C   $CLTHELLO$·{json}      hello: joins; the first frame and no other
//	S   $CLTCONN$·{json}       notice: somebody else came
//	S   $CLTDISCONN$·{json}    notice: somebody else went
//	C   $DH_NUMS$              question for TLS, which was never built
//	S   $NOTLS$                answer to it
//	B   name·content           command; the space is there even without content
//	B   anything else          raw message
//
// A command's name is UTF-8 and its content any bytes. No byte tells a command
// from a raw message: see [SplitCommand] for where the line is drawn.
//
// The JSON is written in the order given here, with ", " and ": " between its
// parts and \uXXXX for all that is not printable ASCII:
//
//	hello   {"name": label, "group": label}
//	notice  {"ip": ["127.0.0.1", 45362], "name": label, "group": label}
//
// A label is a text or null; the empty text is not null. It is read with any
// white space of JSON, in any order of keys, and with
//
//	in the JSON                          read as
//	marker of the hello left out         a hello
//	key other than these                 skipped
//	key given twice                      the last one
//	number or bool as a label            the text of it, as it stands there
//	NaN, Infinity, -Infinity             numbers
//	half a surrogate pair, as \uXXXX     U+FFFD
//	bytes that are not UTF-8             a fault
//	arrays and objects over 32 deep      a fault
//	port that is no integer up to 65535  a fault
//
// # Faults
//
// "Ends" means that the receiver closes, having no way to say why. The others mean
// that it goes on: "skips" as if the frame were not there, telling its own program
// of it, and "takes as" with something else. The first part is found by this
// package, the second by whoever uses it.
//
//	fault                                        code          receiver
//	header that is no number, negative, with _   protocol      ends
//	length over the limit                        too big       ends, before the payload has come
//	hello that is no JSON object with both keys  protocol      ends
//	label in a hello that is an array or object  bad name      ends
//	hello with the marker but without its space  version       one of 2.0 or later: read as such
//	notice with anything wrong after its marker  protocol,     skips
//	                                             bad name
//	first word that can be no command's name     -             takes as a raw message
//
//	first byte of the connection that is no digit, and not native either
//	                                             not native    ends
//	label in a hello that wire.ValidName refuses bad name      ends
//	hello after the first frame                  -             takes as a command
//	question for TLS                             -             answers that there is none
//	command that nobody handles                  -             skips
//
// # What cannot be sent
//
// A command whose name is empty, has a space in it or a marker's shape, and a raw
// message that begins like a marker, are refused at the sender, see [CheckCommand]
// and [CheckRaw]. The original's client refuses the same; its server does not, so
// that a program behind it can forge notices.
//
// Not refused, since the sender cannot know what the other end registered:
//
//   - A raw message with a space in it looks like a command there.
//   - The original matches a handler's name against the start of a payload, so a
//     command "echo2", and a raw message that begins with "echo", run its handler
//     "echo" too.
//   - A payload that begins with "join" or "leave" ends a server of the original
//     that has a handler of that name.
//
// # What differs from the original
//
//   - An underscore between the digits of a header is refused: no peer writes one,
//     and a parser that takes less is easier to trust.
//   - A negative or very long length, a hello that is no JSON, or a notice that is
//     not, is an error for one connection. There it ends the server or the client.
//   - A payload is bounded, and so is the depth of JSON. There neither is.
//   - A name of 5 or true is told to others as "5" or "true", a text, for names are
//     texts here; so is half a surrogate pair as U+FFFD, which has no UTF-8.
//   - In a name, what lies between two dollar signs makes a marker even if it is a
//     line end.
//   - The word before the first space is the command, all of it and nothing more.
//     Who wants the original's matching by prefix has the whole payload to do so.
//
// # Releases 1.0 to 1.2
//
// All of the above, and a few payloads that the client of 0.0.2 refuses to send, see [SpacedKind]:
//
//	by  payload                meaning
//	C   $CHNAME$·text          wants another name; without the space too: none
//	C   $CHGROUP$·text         wants to be in another group, or, without the space, in none
//	C   $GETCLT$·text          asks for the record of a client, by name or ip:port
//	S   {json}                 the record: ip, name, group; or {"traceback": "$NOEXIST$"}
//	C   $USRCLOSE$             leaves; 1.0 just closes
//	S   $DISCONN$              asks the client to leave; 1.0 does not know it
//
// Such a client writes $CHNAME$ and $CHGROUP$ for none without a header. [NextWish] takes them where a
// header should begin.
//
// # Releases 2.0 to 2.0.2
//
// The payloads of 3.0a, below, with three differences: a notice or record has no ipstr, what follows $MSG$ is
// the content itself, see [AppendContent], and what has no marker is no command, see [PlainKind].
// Header and payload are each read with one call, as in 0.0.2.
//
//	content in Go                     what is sent
//	bytes, text                       as they are
//	integer, float                    in decimals; a float as Python shows it, such as 1e+100 or inf
//	list, map                         JSON in ASCII, with ", " and ": "
//	true                              one byte 00
//	false, zero, none, whatever is    nothing at all
//	empty
//
// The hello is the same as in 3.0a. The first command tells the two apart, see [IsPlain]: what a client of
// 3.0a writes behind $MSG$ is always a body. One form of notice serves all releases, that of 0.0.2.
//
// # Release 3.0a
//
// Frames are those of 0.0.2, but are read in full, whatever the pieces. The payloads
// are others, see [KindOf]; J is a presence, {"ip": …, "name": …, "group": …, "ipstr":
// "127.0.0.1:45362"}.
//
//	by  payload                meaning
//	C   $CLTHELLO${json}       hello, without the space that tells 0.0.2 from it
//	S   $CLTCONN$J             notice: somebody came; the newcomer gets it, too
//	S   $CLTDISCONN$J          notice: somebody else went
//	B   $CMD$name$MSG$body     command
//	C   $CHNAME$text           wants another name; without a text nothing changes
//	C   $CHGROUP$text          wants to be in another group
//	C   $GETCLT$text           asks for the record of a client, by name or ip:port, or by a tuple
//	                           as Python prints it: see [AskedAddr]
//	S   J                      the record; if there is none, {"traceback": "$NOEXIST$"}; see
//	                           [AppendRecordTyped] for what a client can read
//	S   $KEEPALIVE$            asks for a sign of life
//	C   $KEEPACK$              answer to it
//	C   $USRCLOSE$             leaves
//	S   $DISCONN$              disconnects the client
//	B   anything else          a command of that name, without content
//
// A server of the original writes the record, $KEEPALIVE$ and $DISCONN$ to a single
// client without a header, which its own clients cannot read. [NextBare] can; all
// that this package writes has a header.
//
// A body says what it carries, see [AppendBody] and [ParseBody]:
//
//	offset  bytes   meaning                                          limit
//	0       8       n: length of the format, as in a header          the payload
//	8       n       format; none if there is no content              32 containers deep
//	8+n     rest    the data of all leaves, one behind the other     what the format says
//
//	in a format          value
//	<k>b  <k>s           bytes, or text in UTF-8, of k bytes
//	<k>i                 integer: k bytes of decimal digits, with a minus or not
//	4f                   float: IEEE 754, single precision, big-endian
//	l…  t…  d…           list, tuple, map at the top: the items up to the format's end
//	<k>[…] <k>(…) <k>{…} the same within another; k is the bytes of all its leaves
//
// A map's items are key, value, key, value. A bool, null within a container and a
// container without data within another cannot be said.
//
// Beside those above, the faults are:
//
//	fault                                        code          receiver
//	where a header begins, another marker        protocol      ends
//	record without a header over 8 KiB           too big       ends
//	body that is no body                         bad payload   skips
//	value without JSON: a key that is a list,    bad payload   skips
//	a float that is no number in a container
//	JSON over the limit                          too big       skips
package classic
