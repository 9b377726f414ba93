//go:build !js

package core

import (
	"crypto/rand"
	"crypto/subtle"

	"github.com/hisock/hisock/core/wire"
)

// tokenSize is how many random bytes prove that a client is the one whose session it names.
const tokenSize = 16

// newSession returns what a connection needs to be resumed.
func newSession(id uint64, hello *wire.Hello) session {
	token := make([]byte, tokenSize)
	rand.Read(token) //nolint:errcheck // it never fails
	return session{id: sessionID(id), token: token, ackBytes: peerAckBytes(hello.AckBytes)}
}

// randomNumber is any number of 64 bits.
func randomNumber() (n uint64) {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	for i := range b {
		n = n<<8 | uint64(b[i])
	}
	return n
}

// sessionID is how a connection is named when it is resumed. It is no secret.
func sessionID(id uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(id >> (8 * i))
	}
	return b
}

// sameToken takes as long for a wrong token as for the right one.
func sameToken(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
