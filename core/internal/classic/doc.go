// Package classic turns the frames of the original hisock, the Python package, into
// bytes and back. Most sections are about release 0.0.2, and the last ones about releases
// 1.0 to 1.2, 2.0 to 2.0.2 and 3.0a. The package does no I/O, starts no goroutine and reads no
// clock, and several goroutines may call its functions at once.
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
// Parse reads back exactly what Append has written, and Append writes the same bytes
// as the original. A length is checked against its limit before any byte of it is waited for
// or allocated.
//
// # Connection
//
// Client and server send only frames. The client's first frame is a hello. The server
// does not answer it. There is no goodbye: a peer leaves by closing the stream, and the
// other end never learns why.
//
// The first byte of a connection tells this protocol from the native one. It is an
// ASCII digit: the original begins every header with a digit.
//
// # Frame
//
// n is the header's length: 16, unless both ends are set to another length. The length is
// never negotiated, and nothing tells a peer that its length differs.
//
//	offset  bytes   meaning                                  limit
//	0       n       header: length of the payload, decimal,  1 GiB, and what n digits can say;
//	                left-aligned, padded with spaces         the receiver's limit for payloads
//	n       length  payload
//
// A header is read as the original reads it. It may have spaces, tabs and line ends on either
// side (ASCII 09 to 0d and 20), a plus sign, and leading zeros.
//
// The original reads a header with one call and a payload with another call, and goes
// on with the bytes that have come. So a frame must be sent with one write, and its
// payload must be small: 32 KiB is safe on loopback.
//
// # Payloads
//
// C is sent by clients only, S by servers only, B by both. A dot is one space.
//
//	by  payload                meaning
//	C   $CLTHELLO$·{json}      hello: joins; the first frame and no other
//	S   $CLTCONN$·{json}       notice: another client has come
//	S   $CLTDISCONN$·{json}    notice: another client has gone
//	C   $DH_NUMS$              question for TLS, which was never built
//	S   $NOTLS$                answer to $DH_NUMS$
//	B   name·content           command; it has the space even without content
//	B   anything else          raw message
//
// The name of a command is UTF-8, and the content is any bytes. No byte tells a command
// from a raw message: [SplitCommand] decides.
//
// The JSON is written in this order, with ", " and ": " between its
// parts, and with \uXXXX for every character but printable ASCII:
//
//	hello   {"name": label, "group": label}
//	notice  {"ip": ["127.0.0.1", 45362], "name": label, "group": label}
//
// A label is a text or null; the empty text is not null. The keys are read in any order, with any
// white space of JSON, and with
//
//	in the JSON                          read as
//	marker of the hello left out         a hello
//	key other than these                 skipped
//	key given twice                      the last one
//	number or bool as a label            its text
//	NaN, Infinity, -Infinity             numbers
//	half a surrogate pair, as \uXXXX     U+FFFD
//	bytes that are not UTF-8             a fault
//	arrays and objects over 32 deep      a fault
//	port that is no integer up to 65535  a fault
//
// # Faults
//
// "Ends" means that the receiver closes the stream: the protocol has no word for the reason.
// "Skips" means that it goes on as if the frame were not there, and tells its own program.
// "Takes as" means that it takes the frame for another one. This package finds the faults of
// the first part, and its caller the faults of the second.
//
//	fault                                        code          receiver
//	header that is no number, negative, with _   protocol      ends
//	length over the limit                        too big       ends, before the payload has come
//	hello that is no JSON object with both keys  protocol      ends
//	label in a hello that is an array or object  bad name      ends
//	hello with the marker but without its space  version       takes as a hello of 2.0 or later
//	notice with a fault after its marker         protocol,     skips
//	                                             bad name
//	first word that is no name of a command      -             takes as a raw message
//
//	first byte of the connection that is no digit, and not native either
//	                                             not native    ends
//	label in a hello that wire.ValidName refuses bad name      ends
//	hello after the first frame                  -             takes as a command
//	question for TLS                             -             answers that there is no TLS
//	command without a handler                    -             skips
//
// # What cannot be sent
//
// The sender refuses a command whose name is empty, has a space, or has the form of a marker, and
// a raw message that begins like a marker: see [CheckCommand] and [CheckRaw]. The original's
// client refuses the same. The original's server does not, so its program can forge notices.
//
// The sender cannot know the handlers of the other end, so it does not refuse these payloads:
//
//   - A raw message with a space looks like a command.
//   - The original compares a handler's name with the start of a payload. So a
//     command "echo2", and a raw message that begins with "echo", run its handler
//     "echo", too.
//   - A payload that begins with "join" or "leave" ends a server of the original
//     that has a handler with that name.
//
// # What differs from the original
//
//   - An underscore between the digits of a header is refused: no peer writes one,
//     and a parser that takes less is easier to trust.
//   - A negative or very long length, or a hello or notice that is no JSON, is an error
//     of one connection. In the original it ends the server or the client.
//   - Payloads and the depth of JSON are bounded. In the original they are not.
//   - A name 5 or true is told to other clients as the text "5" or "true": names are
//     texts here. Half a surrogate pair, which has no UTF-8, is told as U+FFFD.
//   - Any characters between two dollar signs make a marker in a name, also a
//     line end.
//   - The command is the whole word before the first space. A program that wants to match
//     prefixes, as the original does, has the whole payload for it.
//
// # Releases 1.0 to 1.2
//
// These releases have all of the above, and a few payloads that the client of 0.0.2 refuses to send: see
// [SpacedKind].
//
//	by  payload                meaning
//	C   $CHNAME$·text          asks for another name, or, without the space, for none
//	C   $CHGROUP$·text         asks for another group, or, without the space, for none
//	C   $GETCLT$·text          asks for the record of a client, by name or ip:port
//	S   {json}                 the record: ip, name, group; or {"traceback": "$NOEXIST$"}
//	C   $USRCLOSE$             leaves; 1.0 only closes
//	S   $DISCONN$              asks the client to leave; 1.0 does not know it
//
// A client that asks for no name or no group writes $CHNAME$ and $CHGROUP$ without a header. [NextWish] takes
// them where a header should begin.
//
// # Releases 2.0 to 2.0.2
//
// These releases have the payloads of 3.0a, below, with three differences. A notice or record has no ipstr. The
// bytes after $MSG$ are the content itself: see [AppendContent]. A payload without a marker is no command: see
// [PlainKind]. Header and payload are each read with one call, as in 0.0.2.
//
//	content in Go                     bytes
//	bytes, text                       as they are
//	integer, float                    decimals; a float as Python shows it, such as 1e+100 or inf
//	list, map                         JSON in ASCII, with ", " and ": "
//	true                              one byte 00
//	false, zero, none, empty values   none
//
// The hello is the same as in 3.0a. The first command tells the two apart: a client of 3.0a always writes a body
// after $MSG$, see [IsPlain]. All releases understand the notice of 0.0.2.
//
// # Release 3.0a
//
// The frames are the frames of 0.0.2, but peers read them in full, in any pieces. The payloads
// differ: see [KindOf]. J is a presence, {"ip": …, "name": …, "group": …, "ipstr":
// "127.0.0.1:45362"}.
//
//	by  payload                meaning
//	C   $CLTHELLO${json}       hello; the hello of 0.0.2 has a space
//	S   $CLTCONN$J             notice: a client has come; the newcomer gets it, too
//	S   $CLTDISCONN$J          notice: another client has gone
//	B   $CMD$name$MSG$body     command
//	C   $CHNAME$text           asks for another name; without a text nothing changes
//	C   $CHGROUP$text          asks for another group
//	C   $GETCLT$text           asks for the record of a client, by name or ip:port, or by a tuple
//	                           as Python prints it: see [AskedAddr]
//	S   J                      the record; if there is none, {"traceback": "$NOEXIST$"}; see
//	                           [AppendRecordTyped] for a form that a client can read
//	S   $KEEPALIVE$            asks for a sign of life
//	C   $KEEPACK$              answer to $KEEPALIVE$
//	C   $USRCLOSE$             leaves
//	S   $DISCONN$              disconnects the client
//	B   anything else          a command with that name, without content
//
// A server of the original writes the record, $KEEPALIVE$ and $DISCONN$ to a single
// client without a header. The original's clients cannot read that, but [NextBare] can. This
// package always writes a header.
//
// A body describes its own format: see [AppendBody] and [ParseBody].
//
//	offset  bytes   meaning                                          limit
//	0       8       n: length of the format, as in a header          the payload
//	8       n       format; none if there is no content              32 containers deep
//	8+n     rest    the data of all leaves, one after the other      what the format says
//
//	in a format          value
//	<k>b  <k>s           bytes, or text in UTF-8, of k bytes
//	<k>i                 integer: k bytes of decimal digits, with a minus or not
//	4f                   float: IEEE 754, single precision, big-endian
//	l…  t…  d…           list, tuple, map at the top: the items up to the format's end
//	<k>[…] <k>(…) <k>{…} the same within another container; k is the bytes of all its leaves
//
// The items of a map are key, value, key, value. A body cannot have a bool, null within a
// container, or a container without data within another.
//
// More faults:
//
//	fault                                        code          receiver
//	where a header begins, another marker        protocol      ends
//	record without a header over 8 KiB           too big       ends
//	body that is no body                         bad payload   skips
//	value without JSON: a key that is a list,    bad payload   skips
//	a float that is no number in a container
//	JSON over the limit                          too big       skips
package classic
