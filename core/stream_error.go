package core

import "strconv"

// A StreamError says why a stream did not come to its end, and how far it came. It is the error of a stream that the
// other end has ended, that has ended with its connection, or whose context has ended. Its counts are of items, or of
// bytes of a [ByteStream].
type StreamError struct {
	// Err is the reason: an [Error], or the error of a context. [CodeOf], [IsRemote], [errors.Is] and [errors.As] find it.
	Err error

	// Taken is the number that this end's program has taken.
	Taken uint64

	// Sent is the number that this end's program has sent. Delivered is the number that the other end is
	// known to have received: it may have received up to Sent, and its program may have taken fewer.
	Sent, Delivered uint64
}

func (e *StreamError) Error() string {
	return e.Err.Error() + " (stream: " + strconv.FormatUint(e.Taken, 10) + " taken, " +
		strconv.FormatUint(e.Sent, 10) + " sent, " + strconv.FormatUint(e.Delivered, 10) + " delivered)"
}

// Unwrap returns the reason.
func (e *StreamError) Unwrap() error { return e.Err }
