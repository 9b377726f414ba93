package core

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

// resolve fills the default in and finds what that protocol cannot say.
func (k *Classic) resolve(f *optionFaults, o *ClientOptions) {
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
}

// A form is what kind of value a payload was made of, for peers that tell them apart.
// Zero is bytes.
type form uint8

// minClassicHeader and maxClassicHeader are the shortest and the longest header, in bytes. The original takes
// any length, but no hello is short enough for a single digit, and no more than ten say anything.
const minClassicHeader, maxClassicHeader = 2, 4096

// classicAlive is how much longer than a native peer one of the original may be silent before it is
// asked for a sign of life, and may take to answer: it answers only while its program's loop runs.
// By default that is 30 s, as with the original's own server.
const classicAlive = 2

var (
	errClassicCall   = &Error{Code: CodeUnsupported, Message: "the original's protocol has no calls"}
	errClassicChange = &Error{Code: CodeUnsupported, Message: "a client of a Python server keeps its name and group"}
)
