package core

import (
	"context"
	"errors"
	"time"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// A Code says what kind of failure an [Error] is. Codes travel between peers and
// keep their numbers in later versions. Codes from [CodeApplication] on are the program's own.
//
// A Code is an error itself, for [errors.Is]: errors.Is(err, core.CodeShutdown) reports whether an [Error]
// with that code is in err's chain. A handler or a hook that returns an error may return a Code: it means an
// [Error] with that code and without a message.
type Code = wire.Code

// The codes of this library. Each comment says who gets an error with the code.
const (
	CodeNone             = wire.CodeNone             // no error
	CodeInternal         = wire.CodeInternal         // caller: the peer's handler failed or panicked, or its answer does not convert
	CodeCanceled         = wire.CodeCanceled         // caller: the call was given up
	CodeDeadlineExceeded = wire.CodeDeadlineExceeded // caller: the call's time ran out; client: see [Timeouts.Frame]
	CodeUnknownCommand   = wire.CodeUnknownCommand   // caller: the peer has no handler of that name
	CodeBadPayload       = wire.CodeBadPayload       // caller, error hook: a payload does not convert
	CodeBadName          = wire.CodeBadName          // sender: a name, group or command is not well formed
	CodeTooBig           = wire.CodeTooBig           // sender: over the peer's frame limit; peer: over ours
	CodeProtocol         = wire.CodeProtocol         // both: malformed bytes, the connection ends
	CodeVersion          = wire.CodeVersion          // client: the server speaks another version
	CodeNotNative        = wire.CodeNotNative        // both: the peer does not speak this protocol
	CodeHelloTimeout     = wire.CodeHelloTimeout     // client: it took too long to say hello
	CodeTooManyConns     = wire.CodeTooManyConns     // client: the server has no place for it
	CodeNameTaken        = wire.CodeNameTaken        // client: see [Access.UniqueNames] and ReservedNames
	CodeSlowConsumer     = wire.CodeSlowConsumer     // both: the queue to the peer was full, and the connection has ended
	CodeHeartbeat        = wire.CodeHeartbeat        // both: the peer fell silent
	CodeShutdown         = wire.CodeShutdown         // client: the server is going away
	CodeClosed           = wire.CodeClosed           // both: one side closed the connection in order
	CodeUnauthorized     = wire.CodeUnauthorized     // client: it may not come in
	CodeUnknownClient    = wire.CodeUnknownClient    // server: nobody has that name
	CodeAmbiguousName    = wire.CodeAmbiguousName    // server: several clients have that name
	CodeUnknownGroup     = wire.CodeUnknownGroup     // server: nobody is in that group
	CodeTooManyGroups    = wire.CodeTooManyGroups    // client: see [Limits.MaxGroups]
	CodeTooManyCalls     = wire.CodeTooManyCalls     // caller: see [Limits.MaxCalls]
	CodeRateLimit        = wire.CodeRateLimit        // client: see [Limits.FrameRate]
	CodeUnsupported      = wire.CodeUnsupported      // both: this build or peer cannot do that
	CodeWriteTimeout     = wire.CodeWriteTimeout     // both: the peer stopped reading
	CodeNotConnected     = wire.CodeNotConnected     // client: Connect first
	CodeConnLost         = wire.CodeConnLost         // both: the stream broke off without a goodbye
	CodeIdle             = wire.CodeIdle             // client: see [Timeouts.Idle]
	CodeReplaced         = wire.CodeReplaced         // client: a newer connection took its place
	CodeUnavailable      = wire.CodeUnavailable      // client: the server cannot decide now; come back
	CodeOverloaded       = wire.CodeOverloaded       // client: the server's memory is full; come back
	CodeSessionOver      = wire.CodeSessionOver      // client: it cannot be resumed, and joins anew
	CodeDeadlock         = wire.CodeDeadlock         // caller: calls wait for each other; see [Concurrent]
	CodeNotFound         = wire.CodeNotFound         // caller: there is no such thing, as the handler says; for programs, and for package files
	CodeQueueFull        = wire.CodeQueueFull        // sender: nothing was queued for want of room; see [Overflow]

	// CodeApplication is the first code that a program may give a meaning of its own.
	CodeApplication Code = 1000
)

// An Error is a failure that this package reports, whether this side or the peer has found it.
// A handler returns an Error to tell its caller why it failed: code, message, RetryAfter and Details
// are sent to the peer, a cause never is. [Access.Authorize] and [Conn.CloseWith]
// tell a client in the same way why it is refused or disconnected.
type Error struct {
	Code Code

	// Message is for people. The peer sees it. Up to 1,024 bytes of it travel: a longer message
	// is cut at the end of a character, and then ends with "…".
	Message string

	// RetryAfter is how long the side that reports the failure asks the other side to wait before another attempt. It
	// travels in milliseconds, rounded up, and is about 24 days at most. Zero means that it does not ask to wait.
	RetryAfter time.Duration

	// Details are for the peer's program: any value that this side's codec converts, or a
	// []byte, which is sent as it is. Details that do not convert, or do not fit a frame of the
	// size that the peer reads, are left out, and the error hook of this side is told. Code and
	// message arrive all the same. Nil means no details.
	//
	// Details is nil in an error that the peer sent: the function [Details] decodes them to a type that
	// the program names. A handler that returns such an error passes code, message and
	// RetryAfter on, but not the details.
	Details any

	remote    bool  // the peer has reported it
	blameless bool  // the caller of this side is not to blame: the value that does not convert is not the caller's
	cause     error // nil for none; it stays on this side
	secret    bool  // the text has only the code and the types of the causes, since they may hold Auth: see Server.decide
	reported  bool  // the program of this side has been told: see Server.permit

	raw    []byte        // details as bytes: as the peer sent them, or as they are to be sent
	codec  convert.Codec // the codec of the connection to which raw belongs
	unsent error         // why Details could not be converted; nil if they could
}

// NewError returns an error with a code and a message, both meant for the peer.
func NewError(code Code, message string) *Error {
	return &Error{Code: code, Message: message}
}

// Error describes the failure on one line, without control characters.
func (e *Error) Error() string {
	s := "hisock: "
	if e.remote {
		s += "peer: "
	}
	s += e.Code.String()
	if text := e.text(); text != "" {
		s += ": " + text
	}
	return s
}

// text returns the message and the cause in words.
func (e *Error) text() string {
	if e.secret {
		return safe.Types(e.cause)
	}
	s := safe.Text(e.Message)
	if e.cause != nil {
		if s != "" {
			s += ": "
		}
		s += safe.Error(e.cause)
	}
	return s
}

// Unwrap returns what caused the error on this side, or nil.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil // a nil *Error in an error interface
	}
	return e.cause
}

// Is reports whether target is the error's [Code], for [errors.Is].
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && code == e.Code
}

// Text is the error in words for people: the message, or the code in words if there is no message. Unlike [Error.Error]
// it does not say where the error comes from or what caused it. It is one line without control characters.
func (e *Error) Text() string {
	if e.Message == "" || e.secret {
		return e.Code.String()
	}
	return safe.Text(e.Message)
}

// Text is err in words for people: [Error.Text] of the first [Error] in err's chain, or else the code in words if
// [CodeOf] knows one, or else the text of err. It is empty for nil. It is one line without control characters.
func Text(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := asCoded(err); ok && e != nil {
		return e.Text()
	}
	if code := CodeOf(err); code != CodeInternal {
		return code.String()
	}
	return safe.Error(err)
}

// asCoded returns the first [Error] in err's chain, or one for the first [Code] there.
func asCoded(err error) (e *Error, ok bool) {
	if e, ok = find[*Error](err); ok {
		return e, true
	}
	code, ok := find[Code](err)
	if !ok {
		return nil, false
	}
	return &Error{Code: code}, true
}

// CodeOf returns the code of the first [Error] in err's chain, the matching code for
// the errors of package context, [CodeNone] for nil and [CodeInternal] for the rest.
func CodeOf(err error) Code {
	if err == nil {
		return CodeNone
	}
	if e, ok := asCoded(err); ok && e != nil {
		return e.Code
	}
	switch {
	case errors.Is(err, context.Canceled):
		return CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return CodeDeadlineExceeded
	}
	return CodeInternal
}

// IsRemote reports whether err was reported by the peer rather than found here.
func IsRemote(err error) bool {
	e, ok := find[*Error](err)
	return ok && e != nil && e.remote
}

// wrapError returns an error of this side with a cause.
func wrapError(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// remoteError returns an error that the peer reported. CodeNone becomes CodeClosed, since an error has a code.
func remoteError(code Code, message string, retry time.Duration) *Error {
	if code == CodeNone {
		code = CodeClosed
	}
	return &Error{Code: code, Message: message, RetryAfter: retry, remote: true}
}

// wireError returns err, which package wire may have returned, as an error of this package.
func wireError(err error) *Error {
	if e, ok := asCoded(err); ok {
		return e
	}
	if w, ok := find[*wire.Error](err); ok {
		return &Error{Code: w.Code, Message: w.Text}
	}
	return wrapError(CodeProtocol, "", err)
}

// reasonText is the text of err as [safe.Error] returns it, but without the code.
func reasonText(err error) string {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return safe.Error(err)
	}
	text := safe.Clip(e.text(), safe.MaxError)
	if e.remote && text != "" {
		text = "peer: " + text
	}
	return text
}

// find returns the first error in err's chain that is a T. It is [errors.As] for a type that is known when the program
// is built, without the reflection that would add 15 KB to a browser build.
func find[T any](err error) (found T, ok bool) {
	for err != nil {
		if found, ok = err.(T); ok {
			return found, true
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				if found, ok = find[T](err); ok {
					return found, true
				}
			}
			return found, false
		default:
			return found, false
		}
	}
	return found, false
}
