package legacy

import "github.com/hisock/hisock/core/internal/classic"

// A Dialect is which protocol of the original a peer speaks. Package core numbers them alike.
type Dialect uint8

const (
	V002    Dialect = iota + 1 // release 0.0.2
	V1x                        // releases 1.0 to 1.2
	V2x                        // releases 2.0 to 2.0.2
	V30a                       // release 3.0a
	Unknown                    // a client of 2.x or 3.0a, which its first command tells
)

// These are package classic's, for callers of this one.
type (
	Hello    = classic.Hello
	Label    = classic.Label
	Presence = classic.Presence
	Form     = classic.Form
)

const (
	FormBytes = classic.FormBytes
	FormText  = classic.FormText
	FormFloat = classic.FormFloat
	FormJSON  = classic.FormJSON
)

// LabelOf is a label that is there, even if text is empty.
func LabelOf(text string) Label { return classic.LabelOf(text) }

// AskedAddr is the address by which a client asks for the record of another, if who is one.
func AskedAddr(who string) string { return classic.AskedAddr(who) }

// IsFirst reports whether the first byte of a newcomer is one of a header.
func IsFirst(b byte) bool { return b >= '0' && b <= '9' }

// A dialect is what the releases of one line do in a way of their own. What it is given of a Peer is how
// the peer is set up; which dialect that speaks now is for the Peer to know.
type dialect interface {
	traits() traits

	// next splits the first frame off what a server or a client sends, as [classic.Next] does.
	next(b []byte, headerLen, max int, fromServer bool) (payload []byte, size int, ok bool, err error)

	appendHello(dst []byte, headerLen int, h Hello) []byte
	appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte
	appendAsk(dst []byte, headerLen int, who string) []byte
	appendRecord(dst []byte, headerLen int, of *Presence) []byte // of is nil for nobody

	// check says why the peer cannot be sent o, whatever it carries, or nil.
	check(p *Peer, o *Outgoing) error

	// encode returns a message that has been checked as the peer reads it.
	encode(p *Peer, o *Outgoing) ([]byte, error)

	// sent is encode backward. It reports false for frames of the library's own.
	sent(p *Peer, payload []byte) (o Outgoing, ok bool)

	route(p *Peer, payload []byte) Event
	parse(p *Peer, payload []byte) Message

	// content returns what a command carries, of max bytes at most, and which kind of value the peer says that it
	// is.
	content(body []byte, max int) (content []byte, v Value, err error)
}

// traits are plain facts about a dialect.
type traits struct {
	caps    Caps
	form    int     // of notices, from 1 on; who has the same number shares them
	greets  bool    // a newcomer hears of its own coming
	whole   bool    // a frame is read in full, however it comes
	alive   bool    // a client answers when it is asked for a sign of life
	leaves  bool    // a client says that it leaves, so that the end of the stream alone is none of its own
	delays  bool    // a client asks for a record before it begins to listen for the answer
	empties bool    // zero, false and whatever is empty is said by nothing, true by one byte
	mute    bool    // a server is not told that a client leaves
	parting Parting // how a server is left
}

// Caps is what a peer can do beside commands and raw messages: so far nothing that package core asks for.
type Caps struct {
	Native, Calls, Changes, Control, Replays bool
}

// A Parting is how the stream to a server is ended: an orderly end stops some, so that nobody can join any more.
type Parting uint8

const (
	InOrder Parting = iota
	ByReset         // at once
	AfterIt         // by a reset, once the server has ended its side, or it is late
)

// MaxForm is the last form of notices.
const MaxForm = 3

var dialects = [...]dialect{V002: v002{}, V1x: v1x{}, V2x: v2x{}, V30a: v30a{}, Unknown: unknown{}}
