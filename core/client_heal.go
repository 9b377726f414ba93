package core

// comesBack reports whether a client tries again after an error that has ended its connection, or
// an attempt: whether time may heal it, or whoever reports it says when to come back. trying says
// that the client has been welcomed before and tries to come back: its server is known to be one, and may
// still hold its name for the connection before.
//
// This is the one place that says so. The comment of [Retry] and docs/delivery.md say the same of
// each code.
func comesBack(why *Error, trying bool) bool {
	switch why.Code {
	case CodeInternal, CodeCanceled, CodeDeadlineExceeded, CodeHelloTimeout, CodeTooManyConns, CodeSlowConsumer,
		CodeHeartbeat, CodeShutdown, CodeTooManyCalls, CodeRateLimit, CodeWriteTimeout, CodeNotConnected, CodeConnLost,
		CodeUnavailable, CodeOverloaded, CodeSessionOver, CodeQueueFull:
		return true
	case CodeNotNative, CodeNameTaken:
		if trying {
			return true
		}
	}
	return why.RetryAfter > 0
}
