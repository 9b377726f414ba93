// Package codename gives the error codes of package core the names that they have in
// JavaScript. The names are part of the API of the browser package: they keep their
// spelling, whatever becomes of the texts that people read.
package codename

import "github.com/hisock/hisock/core"

var names = map[core.Code]string{
	core.CodeInternal:         "internal",
	core.CodeCanceled:         "canceled",
	core.CodeDeadlineExceeded: "deadline_exceeded",
	core.CodeUnknownCommand:   "unknown_command",
	core.CodeBadPayload:       "bad_payload",
	core.CodeBadName:          "bad_name",
	core.CodeTooBig:           "too_big",
	core.CodeProtocol:         "protocol",
	core.CodeVersion:          "version",
	core.CodeNotNative:        "not_native",
	core.CodeHelloTimeout:     "hello_timeout",
	core.CodeTooManyConns:     "too_many_conns",
	core.CodeNameTaken:        "name_taken",
	core.CodeSlowConsumer:     "slow_consumer",
	core.CodeHeartbeat:        "heartbeat",
	core.CodeShutdown:         "shutdown",
	core.CodeClosed:           "closed",
	core.CodeUnauthorized:     "unauthorized",
	core.CodeUnknownClient:    "unknown_client",
	core.CodeAmbiguousName:    "ambiguous_name",
	core.CodeUnknownGroup:     "unknown_group",
	core.CodeTooManyGroups:    "too_many_groups",
	core.CodeTooManyCalls:     "too_many_calls",
	core.CodeRateLimit:        "rate_limit",
	core.CodeUnsupported:      "unsupported",
	core.CodeWriteTimeout:     "write_timeout",
	core.CodeNotConnected:     "not_connected",
	core.CodeConnLost:         "conn_lost",
}

// Of returns the name of a code. It reports false for a code that has none: the
// application's own, or one that only a newer peer knows.
func Of(code core.Code) (string, bool) {
	name, ok := names[code]
	return name, ok
}

// Parse returns the code of a name.
func Parse(name string) (core.Code, bool) {
	for code, n := range names {
		if n == name {
			return code, true
		}
	}
	return core.CodeNone, false
}
