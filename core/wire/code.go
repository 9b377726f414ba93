package wire

import "strconv"

// A Code says why a call failed, a hello was refused or a connection ended. It
// travels in failure, stream end, refuse and goodbye frames.
//
// Codes below [CodeApplication] are the library's. A code that a peer does not
// know is kept as its number.
type Code uint32

// The library's codes.
const (
	CodeNone             Code = 0  // nothing went wrong
	CodeInternal         Code = 1  // a handler panicked or failed without a code
	CodeCanceled         Code = 2  // the caller gave up
	CodeDeadlineExceeded Code = 3  // the caller's deadline passed
	CodeUnknownCommand   Code = 4  // no handler for the command
	CodeBadPayload       Code = 5  // the payload does not convert
	CodeBadName          Code = 6  // a name, group or command that [ValidName] refuses
	CodeTooBig           Code = 7  // a frame or field over its limit
	CodeProtocol         Code = 8  // bytes that this version's format does not allow
	CodeVersion          Code = 9  // a version that the peer does not speak
	CodeNotNative        Code = 10 // the first bytes are not the preface
	CodeHelloTimeout     Code = 11 // no hello in time
	CodeTooManyConns     Code = 12 // the server's connection limit is reached
	CodeNameTaken        Code = 13 // another client has the name
	CodeSlowConsumer     Code = 14 // the peer did not read fast enough
	CodeHeartbeat        Code = 15 // the peer was silent for too long
	CodeShutdown         Code = 16 // the server is shutting down
	CodeClosed           Code = 17 // this side was closed in order
	CodeUnauthorized     Code = 18 // the server does not accept the client
	CodeUnknownClient    Code = 19 // no client has the name
	CodeAmbiguousName    Code = 20 // several clients have the name
	CodeUnknownGroup     Code = 21 // no such group
	CodeTooManyGroups    Code = 22 // the limit of groups for a client is reached
	CodeTooManyCalls     Code = 23 // the limit of outstanding calls is reached
	CodeRateLimit        Code = 24 // too much in too short a time
	CodeUnsupported      Code = 25 // the peer or the medium cannot do this
	CodeWriteTimeout     Code = 26 // a write to the peer took too long
	CodeNotConnected     Code = 27 // there is no connection
	CodeConnLost         Code = 28 // the connection broke off without a goodbye
	CodeIdle             Code = 29 // the peer sent no command, call or raw message for too long
	CodeReplaced         Code = 30 // a newer connection has taken the place of this one
	CodeUnavailable      Code = 31 // the server cannot decide at this moment
	CodeOverloaded       Code = 32 // the server's bound on memory is reached
	CodeSessionOver      Code = 33 // the session that a client wants to go on with is not there any more
	CodeQueueFull        Code = 34 // the queue to the peer had no room, and the connection goes on
	CodeDeadlock         Code = 35 // calls wait for each other
	CodeNotFound         Code = 36 // there is no such thing

	// CodeApplication is the first code to which the application may give
	// a meaning of its own.
	CodeApplication Code = 1000
)

// codeTexts is indexed by code.
var codeTexts = [...]string{
	CodeNone:             "none",
	CodeInternal:         "internal error",
	CodeCanceled:         "canceled",
	CodeDeadlineExceeded: "deadline exceeded",
	CodeUnknownCommand:   "unknown command",
	CodeBadPayload:       "bad payload",
	CodeBadName:          "bad name",
	CodeTooBig:           "too big",
	CodeProtocol:         "protocol error",
	CodeVersion:          "version not supported",
	CodeNotNative:        "not a native connection",
	CodeHelloTimeout:     "hello timeout",
	CodeTooManyConns:     "too many connections",
	CodeNameTaken:        "name taken",
	CodeSlowConsumer:     "slow consumer",
	CodeHeartbeat:        "heartbeat missed",
	CodeShutdown:         "shutting down",
	CodeClosed:           "closed",
	CodeUnauthorized:     "unauthorized",
	CodeUnknownClient:    "unknown client",
	CodeAmbiguousName:    "ambiguous name",
	CodeUnknownGroup:     "unknown group",
	CodeTooManyGroups:    "too many groups",
	CodeTooManyCalls:     "too many calls",
	CodeRateLimit:        "rate limit exceeded",
	CodeUnsupported:      "unsupported",
	CodeWriteTimeout:     "write timeout",
	CodeNotConnected:     "not connected",
	CodeConnLost:         "connection lost",
	CodeIdle:             "idle",
	CodeReplaced:         "replaced",
	CodeUnavailable:      "unavailable",
	CodeOverloaded:       "overloaded",
	CodeSessionOver:      "session over",
	CodeQueueFull:        "queue full",
	CodeDeadlock:         "calls wait for each other",
	CodeNotFound:         "not found",
}

// String returns the code in words, such as "unknown command", or a text such as "code 1234"
// for a code that is the application's or not known.
func (c Code) String() string {
	if uint64(c) < uint64(len(codeTexts)) {
		return codeTexts[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

// Error is String. A code is an error, so that [errors.Is] finds the errors that have it.
func (c Code) Error() string { return c.String() }
