package core

// Classic makes a [Client] speak the protocol of the original, the Python package hisock 0.0.2,
// to a server written in Python. The zero value fits such a server as it is.
//
// That protocol has no answer to a hello, so Connect returns when it is written, and a client
// that is not wanted learns of it only by the end of the connection. Calls, several groups,
// changing groups or the name, auth and metadata fail with [CodeUnsupported]. The client leaves
// with a reset, since an orderly end would stop the Python server.
type Classic struct {
	// HeaderLen is the length of a frame's header, which both sides must agree on, in
	// bytes. Zero means 16.
	HeaderLen int
}

// maxClassicHeader is the longest header that makes sense: the digits of a 64 bit number.
const maxClassicHeader = 64

var (
	errClassicCall   = NewError(CodeUnsupported, "the original's protocol has no calls")
	errClassicChange = NewError(CodeUnsupported, "the original's protocol has no changing of names or groups")
)
