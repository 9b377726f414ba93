package wire

import "strconv"

// A Kind says what a frame is. It is the first byte after the frame's length.
//
// A kind below 0x80 that is not listed here ends the connection. A receiver skips a frame of an unknown kind
// from 0x80 on, so that later versions can add frames that an older peer may miss.
type Kind uint8

// The kinds of frames. The package documentation has their bodies.
const (
	KindHello   Kind = 0x01 // client: first frame of a connection
	KindWelcome Kind = 0x02 // server: answers a hello that is accepted
	KindRefuse  Kind = 0x03 // server: answers a hello that is refused

	KindCommand      Kind = 0x10 // a command that is not answered
	KindRaw          Kind = 0x11 // a payload without a command
	KindRequest      Kind = 0x12 // a call: a command that is answered
	KindReply        Kind = 0x13 // the answer to a request or an ask
	KindFailure      Kind = 0x14 // the answer to a request or an ask that has failed
	KindCancel       Kind = 0x15 // the sender of a request or an ask no longer wants an answer
	KindStreamItem   Kind = 0x16 // an item of a stream, or the last part of one
	KindStreamEnd    Kind = 0x17 // the sender sends no more items, or both sides send none
	KindStreamCredit Kind = 0x18 // how many more bytes of items may be sent
	KindStandstill   Kind = 0x19 // calls of the receiver wait for a handler that waits for the receiver
	KindStream       Kind = 0x1a // opens a stream
	KindStreamPart   Kind = 0x1b // a part of an item, of which more follows

	KindPing    Kind = 0x20 // asks for a pong
	KindPong    Kind = 0x21 // answers a ping
	KindAck     Kind = 0x22 // how many counted frames were received
	KindGoodbye Kind = 0x23 // the sender ends the connection, and why
	KindMissed  Kind = 0x24 // how many frames to the receiver were dropped

	KindJoinGroup  Kind = 0x30 // server: the client is in a group now
	KindLeaveGroup Kind = 0x31 // server: the client is not in a group any more
	KindJoined     Kind = 0x32 // server: another client has connected
	KindLeft       Kind = 0x33 // server: another client has disconnected
	KindRename     Kind = 0x34 // server: the client has this name now
	KindRenamed    Kind = 0x35 // server: another client has another name now
	KindAskJoin    Kind = 0x36 // client: asks to join a group
	KindAskLeave   Kind = 0x37 // client: asks to leave a group
	KindAskRename  Kind = 0x38 // client: asks for another name

	KindReplay       Kind = 0x39 // server: the kept messages of a group follow
	KindReplayEnd    Kind = 0x3a // server: all of them have been sent
	KindGroupCommand Kind = 0x3b // server: a command to a group that keeps it
	KindGroupRaw     Kind = 0x3c // server: a raw message to a group that keeps it
	KindGroupPassed  Kind = 0x3d // server: a message to a group that keeps it was not meant for the client
)

// firstSkippable is the first kind that a peer skips when it does not know it.
const firstSkippable Kind = 0x80

// knownKinds has one bit for each kind above, so that [Next] checks without a
// table or a jump.
const knownKinds uint64 = 1<<KindHello | 1<<KindWelcome | 1<<KindRefuse |
	1<<KindCommand | 1<<KindRaw | 1<<KindRequest | 1<<KindReply | 1<<KindFailure |
	1<<KindCancel | 1<<KindStreamItem | 1<<KindStreamEnd | 1<<KindStreamCredit | 1<<KindStream | 1<<KindStreamPart |
	1<<KindPing | 1<<KindPong | 1<<KindAck | 1<<KindGoodbye | 1<<KindMissed | 1<<KindStandstill |
	1<<KindJoinGroup | 1<<KindLeaveGroup | 1<<KindJoined | 1<<KindLeft |
	1<<KindRename | 1<<KindRenamed |
	1<<KindAskJoin | 1<<KindAskLeave | 1<<KindAskRename |
	1<<KindReplay | 1<<KindReplayEnd | 1<<KindGroupCommand | 1<<KindGroupRaw | 1<<KindGroupPassed

// Known reports whether k is a kind of this version.
func (k Kind) Known() bool { return knownKinds>>k&1 == 1 }

// Counted reports whether both ends count frames of this kind, so that as a session resumes
// each end can say how many it has received. Kinds from 0x10 to 0x1f and from 0x30 to
// 0x3d are counted. The frames carry no numbers.
func (k Kind) Counted() bool {
	return k>>4 == 1 || KindJoinGroup <= k && k <= KindGroupPassed
}

// Answered reports whether a frame of this kind begins with an id under which it is
// answered, by a reply or a failure, and under which its sender can cancel it.
func (k Kind) Answered() bool {
	return k == KindRequest || KindAskJoin <= k && k <= KindAskRename
}

// kindNames has the name of each kind. A switch would add 0.7 KB to a browser build.
var kindNames = [...]string{
	KindHello:        "hello",
	KindWelcome:      "welcome",
	KindRefuse:       "refuse",
	KindCommand:      "command",
	KindRaw:          "raw",
	KindRequest:      "request",
	KindReply:        "reply",
	KindFailure:      "failure",
	KindCancel:       "cancel",
	KindStreamItem:   "stream item",
	KindStreamEnd:    "stream end",
	KindStreamCredit: "stream credit",
	KindPing:         "ping",
	KindPong:         "pong",
	KindAck:          "ack",
	KindGoodbye:      "goodbye",
	KindMissed:       "missed",
	KindStandstill:   "standstill",
	KindStream:       "stream",
	KindStreamPart:   "stream part",
	KindJoinGroup:    "join group",
	KindLeaveGroup:   "leave group",
	KindJoined:       "joined",
	KindLeft:         "left",
	KindRename:       "rename",
	KindRenamed:      "renamed",
	KindAskJoin:      "ask join",
	KindAskLeave:     "ask leave",
	KindAskRename:    "ask rename",
	KindReplay:       "replay",
	KindReplayEnd:    "replay end",
	KindGroupCommand: "group command",
	KindGroupRaw:     "group raw",
	KindGroupPassed:  "group passed",
}

// String returns the kind's name in lower case, such as "stream item", or
// a text such as "kind 0x9f" for a kind that this version does not know.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	hex := strconv.FormatUint(uint64(k), 16)
	if k < 0x10 {
		hex = "0" + hex
	}
	return "kind 0x" + hex
}
