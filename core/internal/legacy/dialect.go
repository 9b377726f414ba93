package legacy

import "github.com/hisock/hisock/core/internal/classic"

// A Dialect is a protocol of the original. Package core uses the same numbers.
type Dialect uint8

const (
	V002    Dialect = iota + 1 // release 0.0.2
	V1x                        // releases 1.0 to 1.2
	V2x                        // releases 2.0 to 2.0.2
	V30a                       // release 3.0a
	Unknown                    // a client of 2.x or of 3.0a, before its first command tells which
)

// Types of package classic, for callers of package legacy.
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

// LabelOf returns a label that is set, even if text is empty.
func LabelOf(text string) Label { return classic.LabelOf(text) }

// AskedAddr returns who as ip:port if it is an address that Python has printed as a tuple. Otherwise it returns who as it is.
func AskedAddr(who string) string { return classic.AskedAddr(who) }

// IsFirst reports whether b can be the first byte of a header.
func IsFirst(b byte) bool { return b >= '0' && b <= '9' }

// A dialect has the parts of a protocol in which lines of releases differ. Its methods use the settings of the Peer that
// they are given, but do not ask the Peer for its dialect.
type dialect interface {
	traits() traits

	// next splits the first frame off the bytes of a server or a client, as [classic.Next] does.
	next(b []byte, headerLen, max int, fromServer bool) (payload []byte, size int, ok bool, err error)

	appendHello(dst []byte, headerLen int, h Hello) []byte
	appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte
	appendAsk(dst []byte, headerLen int, who string) []byte
	appendRecord(dst []byte, headerLen int, of *Presence) []byte // of is nil if there is no such client

	// check returns the error of a message that the peer cannot be sent, whatever its payload, or nil.
	check(p *Peer, o *Outgoing) error

	// encode returns the bytes of a message that check has let pass.
	encode(p *Peer, o *Outgoing) ([]byte, error)

	// sent reverses encode. It reports false for a frame that the program did not send.
	sent(p *Peer, payload []byte) (o Outgoing, ok bool)

	route(p *Peer, payload []byte) Event
	parse(p *Peer, payload []byte) Message

	// content returns the content of a command, of at most max bytes, and the kind of value that the peer says the
	// content is.
	content(body []byte, max int) (content []byte, v Value, err error)
}

// traits are plain facts about a dialect.
type traits struct {
	caps    Caps
	form    int     // number of the form of notices, from 1 on; dialects with the same number share the bytes
	greets  bool    // a newcomer gets a notice of itself
	whole   bool    // a peer reads each frame in full, in however many pieces it comes
	alive   bool    // a client answers a request for a sign of life
	leaves  bool    // a client says that it leaves: the end of the stream alone does not mean that it has left
	delays  bool    // a client asks for a record before it begins to listen for the answer: see RecordDelay
	empties bool    // an empty payload stands for zero, false and every empty value, and one byte 00 for true
	mute    bool    // a server is not told that a client leaves
	parting Parting // how a client ends the stream to a server
}

// Caps says what a peer can do beside commands and raw messages. So far no dialect sets any of the fields.
type Caps struct {
	Native, Calls, Changes, Control, Replays bool
}

// A Parting is the way in which a client ends the stream to a server. An orderly end stops the loop of some servers, so
// that no client can join any more.
type Parting uint8

const (
	InOrder Parting = iota
	ByReset         // by a reset, at once
	AfterIt         // by a reset, once the server has ended its side or CloseTimeout is over
)

// MaxForm is the highest number of a form of notices.
const MaxForm = 3

var dialects = [...]dialect{V002: v002{}, V1x: v1x{}, V2x: v2x{}, V30a: v30a{}, Unknown: unknown{}}
