package core

// What follows is here for the tests of the browser build: a page lets nobody in, and would pay
// for the packages crypto and strings.

func sameSecret(got, secret []byte) bool {
	diff := len(got) ^ len(secret)
	for i := range got {
		diff |= int(got[i] ^ secret[i%len(secret)])
	}
	return diff == 0
}

func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func hide(string, []byte) string { return "" }
