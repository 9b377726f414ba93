package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// Classic makes a [Client] speak the protocol of the original, the Python package hisock, to
// a server of that package. The zero value fits a server of release 0.0.2 with its default settings.
//
// That protocol has no answer to a hello. So Connect returns when the hello is written, and a client
// that is refused learns of it only by the end of the connection. If the server turns out to speak another dialect, or
// to have headers of another length, the connection ends with
// [CodeVersion] or [CodeProtocol], and the error names the field to set. Calls and changes of groups or the
// name fail with [CodeUnsupported]. [NewClient] fails if the options have several groups, Auth, Metadata or a Session.
// The client leaves a server of [Dialect002] or [Dialect1x] by a reset, since an orderly end would stop that server.
type Classic struct {
	// Dialect is the protocol that the server speaks. Zero means [Dialect002].
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

// kindLegacy is the kind of a frame of a peer of the original that has a turn. Its body is the whole payload.
const kindLegacy wire.Kind = 0xff

// A form is the kind of value that a payload was made of, for peers that tell them apart.
// Zero is bytes.
type form uint8

// minClassicHeader and maxClassicHeader bound the length of a header, in bytes. The original takes
// any length, but a header of one digit is too short for every hello, and more than ten digits mean nothing.
const minClassicHeader, maxClassicHeader = 2, 4096

// A caps says what a peer can do beside commands and raw messages. The methods of peer below explain each field.
type caps struct{ Native, Calls, Changes, Control, Replays bool }

var nativeCaps = caps{true, true, true, true, true}

// Core calls these methods where it depends on a capability of the peer, each in one place. Nothing else needs to know
// which protocol the peer speaks. A browser build has only native peers: there all of them are constants.

// takesNative reports whether the peer reads native frames, so that it may be sent the same bytes as others.
func (p *peer) takesNative() bool { return !hasLegacy || p.can.Native }

// takesCalls reports whether the peer answers calls.
func (p *peer) takesCalls() bool { return !hasLegacy || p.can.Calls }

// takesChanges reports whether the peer's requests for changes of groups and names have an id and are answered, and
// whether it is told of its changes.
func (p *peer) takesChanges() bool { return !hasLegacy || p.can.Changes }

// takesControl reports whether the peer waits for its welcome, and knows acks, pings and counts of dropped frames.
func (p *peer) takesControl() bool { return !hasLegacy || p.can.Control }

// takesReplays reports whether the peer knows the numbers of a group's kept messages.
func (p *peer) takesReplays() bool { return !hasLegacy || p.can.Replays }

var (
	errNoCalls   = &Error{Code: CodeUnsupported, Message: "the original's protocol has no calls"}
	errNoChanges = &Error{Code: CodeUnsupported, Message: "a client of a Python server keeps its name and group"}
)

// ClassicOptions configure a server for clients of the original, the Python package hisock.
type ClassicOptions struct {
	// HeaderLen is the length of the header with which clients of the original, of any release, may join on the same
	// TCP port, in bytes, from 2 to 4096. Zero means 16, as in the original. Negative means that they may not join.
	// They cannot be told why they are refused: a client that comes when the server is full is just disconnected. If
	// HeaderLen is negative, it is an error to set one of the other fields.
	HeaderLen int

	// Unknown is the dialect of a client of 2.x or 3.0a until its first command tells which of the two it speaks:
	// [Dialect2x] or [Dialect30a]. Zero means that nobody knows. Then messages to such a client that are not empty
	// are held back until its first command, up to half of [Limits].QueueBytes; a client that sends no command
	// gets none of them, and the error hook is told. A message in the form of the other release ends
	// the client's loop. So set Unknown only if all clients are of one release.
	Unknown Dialect

	// Pace bounds the bytes that a client of a release before 3.0a is sent in a second, and at most 32 KiB are sent
	// at once; each frame counts 128 B beside its own. Messages beyond that wait in the client's queue. A burst that
	// such a client does not read at once ends it, whoever sends the burst: about 1,000 small messages are
	// too many for a client that is busy for a third of a second. 64 KiB suit a client that is never busy for a
	// second. Zero and negative mean as fast as the client reads.
	Pace int

	// Prefix makes a message of a client of 0.0.2 run every handler whose command it
	// begins with, as the original does, and not the handler whose command is the first word. As in the original, the
	// message handler then gets the whole message as a raw message.
	Prefix bool
}

// resolve fills the defaults in. Afterwards a HeaderLen of zero means that no client of the original may join.
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

// A Dialect is the protocol that a peer speaks: this library's own, or a protocol of a release of the
// original, the Python package hisock. [Conn.Dialect] returns the dialect of a connection's peer. [Classic] tells a
// client which dialect its server speaks.
type Dialect uint8

const (
	// DialectNative is this library's own protocol. In [Classic] it means [Dialect002].
	DialectNative Dialect = iota

	// Dialect002 is the protocol of release 0.0.2. A server treats a client of 1.x as one of 0.0.2 until the client
	// sends a message that only 1.x has.
	Dialect002

	// Dialect1x is the protocol of releases 1.0 to 1.2: the protocol of 0.0.2 with a few more messages. For a program
	// two things differ: [Client.Record], and a server says when it disconnects a client.
	Dialect1x

	// Dialect2x is the protocol of releases 2.0 to 2.0.2: markers tell commands from other data, and their
	// payload is text. Bytes and text are sent as they are, numbers in decimals, lists and maps as JSON. Zero,
	// false, nil and all empty values are sent as an empty payload, which a handler reads as the zero value of
	// its type. true is sent as one byte 00, which a handler for a bool in Python does not take. There are no raw
	// messages: they fail with [CodeUnsupported]. A server of that release cuts off the beginning
	// of a command's name that begins with $, C, M or D: such a command to it fails with [CodeBadName].
	Dialect2x

	// Dialect30a is the protocol of release 3.0a. Its commands say which kind of value they carry: bytes, text,
	// integers, floats of single precision, lists and maps arrive as such in Python. It cannot express a bool, or
	// null or an empty list within another value, and has no raw messages:
	// these fail with [CodeUnsupported]. For names of commands see Dialect2x.
	Dialect30a

	// DialectUnknown is Dialect2x or Dialect30a, whose hellos are the same: the client's first command
	// tells them apart. See [ClassicOptions.Unknown].
	DialectUnknown
)

// String returns the releases that speak the dialect, such as "2.x", or "native".
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

// Dialect is the protocol that the peer speaks. It may become known only with the first command of a client, see
// [DialectUnknown], or with a later message, see [Dialect002].
func (c *Conn) Dialect() Dialect {
	return c.legacy.dialect()
}

// Record asks a server of the original for another client, by its name or "ip:port", and waits for the
// answer until ctx or the connection ends. It fails with [CodeUnknownClient] if there is no such client, and with
// [CodeInternal] if the server cannot say, as no server of 2.x can. It fails with [CodeUnsupported] if the peer's
// protocol has no such request: the protocol of 0.0.2, and the native one, whose servers tell of other clients only by
// notices. It also fails with the error of ctx, or with the reason for which the connection ended.
func (c *Conn) Record(ctx context.Context, who string) (Presence, error) {
	if hasLegacy && c.legacy != nil {
		return c.askRecord(ctx, who)
	}
	return Presence{}, NewError(CodeUnsupported, "a native server tells of other clients by notices only")
}

// Record is [Conn.Record] of the server.
func (cl *Client) Record(ctx context.Context, who string) (Presence, error) {
	c, err := cl.current()
	if err != nil {
		return Presence{}, err
	}
	return c.Record(ctx, who)
}

// A ValueKind is the kind of value that a peer says it has sent. Only clients and servers of 3.0a say
// it. Their payloads are converted to the handler's type all the same, see [On].
type ValueKind uint8

const (
	ValueUnknown ValueKind = iota // the peer's protocol does not say
	ValueNone                     // nothing: None in Python
	ValueBytes
	ValueText
	ValueInteger
	ValueFloat
	ValueList
	ValueTuple // arrives as a list
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

// SentAs returns the kind of value of the message that is being handled. ctx is the context of its
// handler, or of middleware, or derives from it.
func SentAs(ctx context.Context) ValueKind {
	v, _ := ctx.Value(sentAsKey{}).(ValueKind)
	return v
}
