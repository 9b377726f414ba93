package core

import "strconv"

// A StreamError is why a stream did not come to its end, and how far it came. An error of a stream that the other end
// has ended, or that has ended with its connection, is one; so is the error of a context that has ended.
// Counts are of items, and of bytes of a [ByteStream].
type StreamError struct {
	// Err is the reason: an [Error], or the error of a context. [CodeOf], [IsRemote], [errors.Is] and [errors.As] find it.
	Err error

	// Taken is how many this end's program has taken.
	Taken uint64

	// Sent is how many this end's program has sent, and Delivered how many of these the other end is known to
	// have received: it may have received up to Sent, and its program may have taken fewer.
	Sent, Delivered uint64
}

func (e *StreamError) Error() string {
	return e.Err.Error() + " (stream: " + strconv.FormatUint(e.Taken, 10) + " taken, " +
		strconv.FormatUint(e.Sent, 10) + " sent, " + strconv.FormatUint(e.Delivered, 10) + " delivered)"
}

// Unwrap returns the reason.
func (e *StreamError) Unwrap() error { return e.Err }
