package core

// What follows is here for the tests of the browser build: a page lets nobody in, and would pay
// for the packages crypto and strings.

// hasAhead: no newcomer is watched, and a page does not pay for it.
const hasAhead = false

func sameSecret(got, secret []byte) bool {
	diff := len(got) ^ len(secret)
	for i := range got {
		diff |= int(got[i] ^ secret[i%len(secret)])
	}
	return diff == 0
}

// foldName is foldName of a server, for ASCII.
func foldName(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
