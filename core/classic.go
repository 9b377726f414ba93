package core

// Classic makes a [Client] speak the protocol of the original, the Python package hisock, to
// a server written in Python. The zero value fits a server of release 0.0.2 as it is.
//
// That protocol has no answer to a hello, so Connect returns when it is written, and a client
// that is not wanted learns of it only by the end of the connection. Calls, several groups,
// changing groups or the name, auth and metadata fail with [CodeUnsupported]. A server of
// [Dialect002] is left by a reset, since an orderly end would stop it.
type Classic struct {
	// Dialect is which protocol the server speaks.
	Dialect Dialect

	// HeaderLen is the length of a frame's header, which both sides must agree on, in
	// bytes. Zero means 16.
	HeaderLen int
}

// resolve fills the default in and finds what that protocol cannot say.
func (k *Classic) resolve(f *optionFaults, o *ClientOptions) {
	if k.Dialect > Dialect30a {
		f.add("Classic.Dialect", valueText(int(k.Dialect)), "there is no such Dialect")
	}
	size(f, "Classic.HeaderLen", &k.HeaderLen, defaultClassicHeader, 1, maxClassicHeader)
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

// A Dialect is one of the two protocols that releases of the original speak. A server finds
// out by the hello which one a client speaks.
type Dialect uint8

const (
	// Dialect002 is that of release 0.0.2.
	Dialect002 Dialect = iota

	// Dialect30a is that of release 3.0a. Its commands say what they carry: bytes, text,
	// integers, floats of single precision, lists and maps arrive as such in Python. A bool, and
	// null or an empty list within another, cannot be said in it, and it has no raw messages:
	// these fail with [CodeUnsupported]. A server of that release cuts off the beginning of a
	// command's name that begins with $, C, M or D: to it they fail with [CodeBadName].
	Dialect30a
)

// A form is what kind of value a payload was made of, for peers that tell them apart.
// Zero is bytes.
type form uint8

// maxClassicHeader is the longest header that makes sense: the digits of a 64 bit number.
const maxClassicHeader = 64

var (
	errClassicCall   = NewError(CodeUnsupported, "the original's protocol has no calls")
	errClassicChange = NewError(CodeUnsupported, "a client of a Python server keeps its name and group")
)
