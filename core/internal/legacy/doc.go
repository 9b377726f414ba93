// Package legacy is what a connection needs whose peer speaks one of the dialects of the original, the
// Python package hisock. Package classic has the bytes; this one has what a peer is and what its frames
// ask for. It runs no handler, and knows of the connection only what it is given.
//
// A [Peer] is the other end:
//
//	bytes   → Next   → payload → Route → Event      what whoever reads does with it
//	                             Parse → Message    what it says, once it has its turn
//	message → Encode → bytes                        or Hold, until it is known how to say it
//	Stream           writes frames as the peer reads them, and leaves it as it wants to be left
//
// An [Event] and a [Message] are plain values, on which the connection acts.
//
// A dialect is a type that implements the interface dialect, in a file of its own: v002.go, v1x.go, v2x.go,
// v30a.go and, for a client of which it is not known yet, unknown.go. Dialects without markers
// have the most in common (spaced.go), and so have those with markers (marked.go). A new dialect is a new
// file, a number in dialect.go, and its name in package core.
//
// # Locks
//
// A Peer has four, each for one thing: what the client was called and which group it named; the box of what
// is held back; what that weighs; and who waits for a record. The third is held while the second is taken, and
// none while anything outside is called.
package legacy
