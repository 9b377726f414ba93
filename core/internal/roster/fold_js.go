package roster

// Fold is Fold of a server, for ASCII: a page would pay for the package unicode, and has no server.
func Fold(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
