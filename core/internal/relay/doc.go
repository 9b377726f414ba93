// Package relay has what the nodes of a cluster say to each other over a relay, and what each of them must know for it: the format of
// messages, the queue of what waits to be published, the other nodes, the topics that are wanted, and the claims that are held.
//
// # Message
//
//	offset  bytes  meaning
//	0       1      version, 1
//	1       1      kind
//	2       8      the node that sends it: its incarnation, not 0
//	10      4      lap: grows each time that the node has forgotten its numbers
//	14      8      number of the message within its topic and lap, from 1 on
//	22      …      body, by kind
//
// Numbers in a body are uvarints, of at most 64 bits and no longer than they need to be. A text is its length and that many bytes of UTF-8. Fixed numbers are
// big-endian. Each length is checked against its limit, and against what is left, before anything is allocated.
//
//	kind  name      body in order
//	1     hello     flags (1 byte), id (text, MaxID): the node is there. Each node says it to all, again and again
//	2     bye       nothing: the node goes
//	3     send      audience (1 byte), flags (1 byte), name (text, MaxName), conn, form, number of exceptions (MaxExcept), for each
//	                exception incarnation (8 bytes) and conn, key (text, MaxName), command (text, MaxName), payload
//	4     question  id, subject (1 byte), milliseconds to answer it, audience (1 byte), name (text, MaxName), conn, word (text, MaxName), rest
//	5     answer    id of the question, code (32 bits), flags (1 byte), milliseconds to wait, reason (text, MaxReason), rest
//	6     give up   id of the question
//	7     probe     nothing: asks how many messages have not arrived
//	8     probed    messages of the asker that were found missing on the topic of the node itself and on the topic of all nodes.
//	                Said when asked, and when there are more
//	9     watch     nothing: asks a node who its clients are
//	10    presence  flags (1 byte), then for each client conn, flags (1 byte), name, user, address (texts, MaxName), and if a flag says so
//	                the number of its groups (MaxClientGroups, not 0) and their names (texts, MaxName)
//	11    streams   flags (1 byte), line, number of the message within the line, how many are told (MaxTold), for each of them stream and count, frames
//	12    part      id of the message, its kind (1 byte), index of the part from 0 on, size of the whole body, a piece of the body. The
//	                parts of a message follow each other on its topic
//
// The frames are those of streams, and pings and pongs, of package wire. The argument of a stream frame begins with flags (1 byte) and conn. The details of an end that the
// node of the client has sent begin with flags (1 byte), and with how much has reached the client.
//
// A message that breaks the format is refused as a whole. Flags, kinds and audiences that are not known are a fault too: nodes of
// another version say so in the first byte.
package relay
