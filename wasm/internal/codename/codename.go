// Package codename gives the error codes of the protocol the names that they have in
// JavaScript. The names are part of the API of the browser package: they keep their
// spelling, whatever becomes of the texts that people read.
package codename

import "github.com/hisock/hisock/core/wire"

// names is indexed by code.
var names = [...]string{
	wire.CodeInternal:         "internal",
	wire.CodeCanceled:         "canceled",
	wire.CodeDeadlineExceeded: "deadline_exceeded",
	wire.CodeUnknownCommand:   "unknown_command",
	wire.CodeBadPayload:       "bad_payload",
	wire.CodeBadName:          "bad_name",
	wire.CodeTooBig:           "too_big",
	wire.CodeProtocol:         "protocol",
	wire.CodeVersion:          "version",
	wire.CodeNotNative:        "not_native",
	wire.CodeHelloTimeout:     "hello_timeout",
	wire.CodeTooManyConns:     "too_many_conns",
	wire.CodeNameTaken:        "name_taken",
	wire.CodeSlowConsumer:     "slow_consumer",
	wire.CodeHeartbeat:        "heartbeat",
	wire.CodeShutdown:         "shutdown",
	wire.CodeClosed:           "closed",
	wire.CodeUnauthorized:     "unauthorized",
	wire.CodeUnknownClient:    "unknown_client",
	wire.CodeAmbiguousName:    "ambiguous_name",
	wire.CodeUnknownGroup:     "unknown_group",
	wire.CodeTooManyGroups:    "too_many_groups",
	wire.CodeTooManyCalls:     "too_many_calls",
	wire.CodeRateLimit:        "rate_limit",
	wire.CodeUnsupported:      "unsupported",
	wire.CodeWriteTimeout:     "write_timeout",
	wire.CodeNotConnected:     "not_connected",
	wire.CodeConnLost:         "conn_lost",
	wire.CodeIdle:             "idle",
	wire.CodeReplaced:         "replaced",
	wire.CodeUnavailable:      "unavailable",
	wire.CodeOverloaded:       "overloaded",
	wire.CodeSessionOver:      "session_over",
	wire.CodeQueueFull:        "queue_full",
	wire.CodeDeadlock:         "deadlock",
}

// Of returns the name of a code. It reports false for a code that has none: the
// application's own, or one that only a newer peer knows.
func Of(code wire.Code) (string, bool) {
	if code == wire.CodeNone || uint64(code) >= uint64(len(names)) {
		return "", false
	}
	return names[code], true
}

// Parse returns the code of a name.
func Parse(name string) (wire.Code, bool) {
	for code, n := range names {
		if n == name && n != "" {
			return wire.Code(code), true
		}
	}
	return wire.CodeNone, false
}
