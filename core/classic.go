package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// Classic makes a [Client] speak the protocol of the original, the Python package hisock, to
// a server written in Python. The zero value fits a server of release 0.0.2 as it is.
//
// That protocol has no answer to a hello, so Connect returns when it is written, and a client
// that is not wanted learns of it only by the end of the connection. A server that shows by what it
// sends that it speaks another dialect, or has headers of another length, ends the connection with
// [CodeVersion] or [CodeProtocol], and the error names what to set. Calls, several groups,
// changing groups or the name, auth and metadata fail with [CodeUnsupported]. A server of
// [Dialect002] or [Dialect1x] is left by a reset, since an orderly end would stop it.
type Classic struct {
	// Dialect is which protocol the server speaks. Zero means [Dialect002].
	Dialect Dialect

	// HeaderLen is the length of a frame's header, which both sides must agree on, in
	// bytes, from 2 to 4096. Zero means 16.
	HeaderLen int
}

// resolve returns a copy with the default filled in, and finds what that protocol cannot say.
func (k *Classic) resolve(f *optionFaults, o *ClientOptions) *Classic {
	if !hasLegacy || k == nil {
		return nil
	}
	own := *k
	k = &own
	if k.Dialect >= DialectUnknown {
		f.add("Classic.Dialect", k.Dialect.String(), "no server speaks that")
	}
	k.Dialect = max(k.Dialect, Dialect002)
	size(f, "Classic.HeaderLen", &k.HeaderLen, defaultClassicHeader, minClassicHeader, maxClassicHeader)
	if len(o.Groups) > 1 {
		f.add("Groups", valueText(len(o.Groups))+" groups", "the original's protocol has one, and Classic is set")
	}
	for _, other := range []struct {
		name string
		set  bool
	}{{"Auth", len(o.Auth) > 0}, {"AuthFunc", o.AuthFunc != nil}, {"Metadata", len(o.Metadata) > 0}, {"Session", len(o.Session) > 0}} {
		if other.set {
			f.add(other.name, "set", "the original's protocol has none, and Classic is set")
		}
	}
	return k
}

// kindLegacy marks a frame of a classic peer, whose body is its whole payload, and that has a turn.
const kindLegacy wire.Kind = 0xff

// A form is what kind of value a payload was made of, for peers that tell them apart.
// Zero is bytes.
type form uint8

// minClassicHeader and maxClassicHeader are the shortest and the longest header, in bytes. The original takes
// any length, but no hello is short enough for a single digit, and no more than ten say anything.
const minClassicHeader, maxClassicHeader = 2, 4096

// caps are what a peer can do beside commands and raw messages. The methods of peer say what each means.
type caps struct{ Native, Calls, Changes, Control, Replays bool }

var nativeCaps = caps{true, true, true, true, true}

// What a peer can do is asked by these, each where core would make use of it. Nothing else needs to know which protocol
// the peer speaks. A browser build has native peers only: there all of them are constants.

// takesNative reports whether the peer reads native frames: the very bytes that others are sent.
func (p *peer) takesNative() bool { return !hasLegacy || p.can.Native }

// takesCalls reports whether the peer answers calls.
func (p *peer) takesCalls() bool { return !hasLegacy || p.can.Calls }

// takesChanges reports whether the peer asks for groups and names under an id, is answered, and is told of its changes.
func (p *peer) takesChanges() bool { return !hasLegacy || p.can.Changes }

// takesControl reports whether the peer waits for its welcome, and has acks, pings and counts of what it has missed.
func (p *peer) takesControl() bool { return !hasLegacy || p.can.Control }

// takesReplays reports whether the peer knows the numbers of what a group keeps.
func (p *peer) takesReplays() bool { return !hasLegacy || p.can.Replays }

var (
	errNoCalls   = &Error{Code: CodeUnsupported, Message: "the original's protocol has no calls"}
	errNoChanges = &Error{Code: CodeUnsupported, Message: "a client of a Python server keeps its name and group"}
)

// ClassicOptions are about clients of the original, the Python package hisock.
type ClassicOptions struct {
	// HeaderLen is the header's length with which they may join on the same TCP port, in bytes, whatever their
	// release, from 2 to 4096. Zero means 16, as in the original. Negative means that they may not. They cannot be
	// told why they are refused; one that comes when the server is full finds that it is disconnected. Where it is
	// negative it is an error to set one of the others.
	HeaderLen int

	// Unknown is what a client of 2.x or 3.0a speaks until its first command tells which of the two:
	// [Dialect2x] or [Dialect30a]. Zero means that nobody knows. What is sent to such a client and carries
	// something is held back then until its first command, up to half of [Limits].QueueBytes; one that only
	// listens gets nothing, of which the error hook is told. What is sent in the form of the other release ends
	// a client's loop, so this is for servers whose clients are all of one release.
	Unknown Dialect

	// Pace is how many bytes a second a client of a release before 3.0a is sent at most, and at once no more
	// than 32 KiB; each frame counts 128 B beside its own. What comes faster waits in its queue. Such a
	// client ends of a burst that it does not read at once, whoever sends it: about 1,000 small messages are
	// too many for one that is busy for a third of a second. 64 KiB suit a client that is never busy for a
	// second. Zero and negative mean as fast as the client reads.
	Pace int

	// Prefix runs, for what a client of 0.0.2 sends, every handler whose command it
	// begins with, as the original does, instead of the one whose name is the first word. The
	// message handler then gets all of it as a raw message, as there.
	Prefix bool
}

// resolve fills the defaults in. A length of zero means then that nobody of the original may join.
func (o *ClassicOptions) resolve(f *optionFaults) {
	if o.HeaderLen > maxClassicHeader || o.HeaderLen > 0 && o.HeaderLen < minClassicHeader {
		f.add("Classic.HeaderLen", valueText(o.HeaderLen), "it must be from "+valueText(minClassicHeader)+" to "+valueText(maxClassicHeader))
	}
	o.Pace = max(o.Pace, 0)
	if o.HeaderLen < 0 {
		const idle = "it has no effect while Classic.HeaderLen is negative"
		if o.Prefix {
			f.add("Classic.Prefix", "true", idle)
		}
		if o.Pace > 0 {
			f.add("Classic.Pace", valueText(o.Pace), idle)
		}
		if o.Unknown != 0 {
			f.add("Classic.Unknown", o.Unknown.String(), idle)
		}
	}
	switch o.Unknown {
	case 0, Dialect2x, Dialect30a:
	default:
		f.add("Classic.Unknown", o.Unknown.String(), "it must be Dialect2x or Dialect30a")
	}
	o.HeaderLen = limit(o.HeaderLen, defaultClassicHeader)
}

// A Dialect is what a peer speaks: this library's own protocol, or one of those that releases of the
// original, the Python package hisock, speak. [Conn.Dialect] says it of a connection, and a client is
// told by [Classic] which one its server speaks.
type Dialect uint8

const (
	// DialectNative is this library's own. In [Classic] it means [Dialect002].
	DialectNative Dialect = iota

	// Dialect002 is that of release 0.0.2. A server takes a client for one of that release until it does
	// what only those of 1.x do.
	Dialect002

	// Dialect1x is that of releases 1.0 to 1.2: that of 0.0.2 with a few messages more. To a program it
	// differs in nothing but [Client.Record], and in that a server says when it disconnects a client.
	Dialect1x

	// Dialect2x is that of releases 2.0 to 2.0.2: commands are told from other data by markers, and what they
	// carry is text. Bytes and text are sent as they are, numbers in decimals, lists and maps as JSON. Zero,
	// false, nil and whatever is empty is sent as nothing at all, and nothing is read as the zero value of
	// what a handler takes. true is sent as one byte 00, which a handler for a bool there does not take. It
	// has no raw messages: these fail with [CodeUnsupported]. A server of that release cuts off the beginning
	// of a command's name that begins with $, C, M or D: to it they fail with [CodeBadName].
	Dialect2x

	// Dialect30a is that of release 3.0a. Its commands say what they carry: bytes, text,
	// integers, floats of single precision, lists and maps arrive as such in Python. A bool, and
	// null or an empty list within another, cannot be said in it, and it has no raw messages:
	// these fail with [CodeUnsupported]. As for names of commands, see Dialect2x.
	Dialect30a

	// DialectUnknown is Dialect2x or Dialect30a, whose hellos are the same: the client's first command
	// tells them apart. See [ClassicOptions.Unknown].
	DialectUnknown
)

// String returns the dialect by the releases that speak it, such as "2.x", or "native".
func (d Dialect) String() string {
	switch d {
	case DialectNative:
		return "native"
	case Dialect002:
		return "0.0.2"
	case Dialect1x:
		return "1.x"
	case Dialect2x:
		return "2.x"
	case Dialect30a:
		return "3.0a"
	case DialectUnknown:
		return "2.x or 3.0a"
	}
	return "unknown dialect"
}

// Dialect is what the peer speaks. It may become known only with the first command of a client, see
// [DialectUnknown], or with a later message, see [Dialect002].
func (c *Conn) Dialect() Dialect {
	return c.legacy.dialect()
}

// Record asks a server written in Python for another client, by its name or "ip:port", and waits for the
// answer. It fails with [CodeUnknownClient] if there is none, with [CodeInternal] if the server cannot say,
// as every server of 2.x, and with [CodeUnsupported] where there is no such question: toward a server in
// Go that speaks its own protocol, which tells of others what its [Access.Notices] says, and one of
// 0.0.2. Otherwise it fails with why the connection ended, or ctx's error: a server of 1.x or later that
// does not answer at all is waited for until then.
func (c *Conn) Record(ctx context.Context, who string) (Presence, error) {
	if hasLegacy && c.legacy != nil {
		return c.askRecord(ctx, who)
	}
	return Presence{}, NewError(CodeUnsupported, "a server tells its clients of others by notices only")
}

// Record is [Conn.Record] of the server.
func (cl *Client) Record(ctx context.Context, who string) (Presence, error) {
	c, err := cl.current()
	if err != nil {
		return Presence{}, err
	}
	return c.Record(ctx, who)
}

// A ValueKind is what kind of value a peer says that it has sent. Only clients and servers of 3.0a say
// so; what they send is converted by the handler's type all the same, see [On].
type ValueKind uint8

const (
	ValueUnknown ValueKind = iota // the peer's protocol does not say
	ValueNone                     // nothing: None in Python
	ValueBytes
	ValueText
	ValueInteger
	ValueFloat
	ValueList
	ValueTuple // which comes as a list
	ValueMap
)

// String returns the kind in lower case, such as "integer".
func (v ValueKind) String() string {
	switch v {
	case ValueUnknown:
		return "unknown"
	case ValueNone:
		return "none"
	case ValueBytes:
		return "bytes"
	case ValueText:
		return "text"
	case ValueInteger:
		return "integer"
	case ValueFloat:
		return "float"
	case ValueList:
		return "list"
	case ValueTuple:
		return "tuple"
	case ValueMap:
		return "map"
	}
	return "unknown kind of value"
}

type sentAsKey struct{}

// SentAs returns what kind of value the peer has sent that is being handled. ctx is the context of the
// handler, or of middleware.
func SentAs(ctx context.Context) ValueKind {
	v, _ := ctx.Value(sentAsKey{}).(ValueKind)
	return v
}
