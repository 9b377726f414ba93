//go:build !js

package session

import (
	"crypto/rand"
	"crypto/subtle"
)

// NewToken returns a random token, which nobody can guess.
func NewToken() []byte {
	token := make([]byte, TokenSize)
	rand.Read(token) //nolint:errcheck // it never fails
	return token
}

// SameToken reports whether two tokens are equal. It takes as long for a wrong token as for the right one.
func SameToken(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// RandomNumber returns a random number of 64 bits.
func RandomNumber() (n uint64) {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	for i := range b {
		n = n<<8 | uint64(b[i])
	}
	return n
}
