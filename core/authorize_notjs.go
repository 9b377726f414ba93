//go:build !js

package core

import (
	"crypto/sha256"
	"crypto/subtle"
)

// sameSecret compares digests, which are of one size, so that the time it takes depends
// on neither what is in secret nor how much of got is right.
func sameSecret(got, secret []byte) bool {
	a, b := sha256.Sum256(got), sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
