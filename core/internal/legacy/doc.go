// Package legacy tells a connection how to read and write the dialects of the original, the Python package hisock.
// Package classic has the bytes of the frames. Package legacy has the state of a peer, and what each frame asks for. It
// runs no handler, and knows only the parts of the connection that it is given.
//
// A [Peer] is the other end:
//
//	bytes   → Next   → payload → Route → Event      tells the reader what to do
//	                             Parse → Message    tells the goroutine with the turn what the frame says
//	message → Encode → bytes                        or Hold, while the peer's dialect is not known
//	Stream           writes frames as the peer reads them, and ends the stream as the peer needs it
//
// An [Event] and a [Message] are plain values. The connection acts on them.
//
// A dialect is a type that implements the interface dialect, in a file of its own: v002.go, v1x.go, v2x.go,
// v30a.go, and unknown.go for a client whose dialect is not known yet. spaced.go has the common part of the dialects
// without markers, and marked.go the common part of the dialects with markers. A new dialect is a new file, a number in
// dialect.go, and its name in package core.
//
// # Locks
//
// A Peer has four locks: one for the hello, one for the box of messages that are held back, one for the memory that counts
// the box, and one for the callers that wait for a record. The lock for the memory is held while the lock of the box is
// taken. While a lock is held, nothing outside is called except package budget, which takes no lock.
package legacy
