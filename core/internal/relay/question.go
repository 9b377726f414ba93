package relay

import (
	"encoding/binary"
	"math"
)

// A Subject says what a question asks.
type Subject uint8

const (
	Survey     Subject = iota + 1 // a question of the program, whose name is Word
	Find                          // which clients of the node are of the audience
	Count                         // how many they are
	Call                          // the call Word at a client of the audience
	Disconnect                    // that the clients of the audience are disconnected, for the reason in Rest
	MakeRoom                      // that a client of the audience makes room for a newcomer of the user Word
	Seek                          // whether a session is there; see session.go for this and the next four
	Take                          // that the session becomes the asker's
	Further                       // a further part of it
	Adopt                         // that the node which is asked takes it
	Fence                         // nothing: the answer comes after what the node has sent before
	lastSubject
)

// A Question is what a node asks another.
type Question struct {
	ID      uint64
	Subject Subject
	Within  uint64 // milliseconds; 0 is no limit
	To      Audience
	Name    string
	Conn    uint64
	Word    string
	Rest    []byte
}

// Append appends the body.
func (q *Question) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, q.ID)
	b = append(b, byte(q.Subject))
	b = binary.AppendUvarint(b, q.Within)
	b = append(b, byte(q.To))
	b = appendText(b, q.Name)
	b = binary.AppendUvarint(b, q.Conn)
	b = appendText(b, q.Word)
	return append(b, q.Rest...)
}

// Size is the size of the body, or a little more.
func (q *Question) Size() int {
	return 2 + 5*binary.MaxVarintLen64 + len(q.Name) + len(q.Word) + len(q.Rest)
}

// ParseQuestion reads the body of a question. Its Rest aliases the body.
func ParseQuestion(body []byte) (q Question, f Fault) {
	c := cursor{b: body}
	q.ID = c.number(math.MaxUint64)
	if q.Subject = Subject(c.below(byte(lastSubject))); q.Subject == 0 {
		c.fail(Unknown)
	}
	q.Within = c.number(maxMillis)
	q.To = Audience(c.below(byte(lastAudience)))
	q.Name = c.text(MaxName)
	q.Conn = c.number(math.MaxUint64)
	q.Word = c.text(MaxName)
	q.Rest = c.rest()
	if f = c.end(); f != None {
		return Question{}, f
	}
	return q, None
}

// maxMillis bounds times, as package wire does.
const maxMillis = math.MaxInt32

// An Answer is the answer to a question.
type Answer struct {
	ID     uint64
	Code   uint32 // 0: it has gone well
	Remote bool   // the error is the answer of a client
	Retry  uint64 // milliseconds to wait before another attempt
	Reason string
	Rest   []byte
}

const answerRemote = 1

// Append appends the body.
func (a *Answer) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, a.ID)
	b = binary.AppendUvarint(b, uint64(a.Code))
	b = append(b, flag(a.Remote, answerRemote))
	b = binary.AppendUvarint(b, min(a.Retry, maxMillis))
	b = appendText(b, a.Reason)
	return append(b, a.Rest...)
}

// Size is the size of the body, or a little more.
func (a *Answer) Size() int { return 1 + 4*binary.MaxVarintLen64 + len(a.Reason) + len(a.Rest) }

// ParseAnswer reads the body of an answer. Its Rest aliases the body.
func ParseAnswer(body []byte) (a Answer, f Fault) {
	c := cursor{b: body}
	a.ID = c.number(math.MaxUint64)
	a.Code = uint32(c.number(math.MaxUint32))
	a.Remote = c.byte(answerRemote) != 0
	a.Retry = c.number(maxMillis)
	a.Reason = c.text(MaxReason)
	a.Rest = c.rest()
	if f = c.end(); f != None {
		return Answer{}, f
	}
	return a, None
}

// AppendNumber appends the body of a give up or a probed.
func AppendNumber(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// ParseNumber reads the body of a give up or a probed.
func ParseNumber(body []byte) (n uint64, f Fault) {
	c := cursor{b: body}
	n = c.number(math.MaxUint64)
	return n, c.end()
}
