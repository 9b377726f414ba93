package core

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
	if hasClassic && c.classic != nil {
		return c.classic.dialect()
	}
	return DialectNative
}
