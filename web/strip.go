package web

import "bytes"

// stripComments returns the source of a module of this package without the lines that have nothing but comments. A page then loads
// some half of the bytes, and the rest reads as before. Comments beside code stay: without a parser for JavaScript they cannot be told
// from texts. The modules of this package have no text of several lines in which a line looks like a comment.
func stripComments(src []byte) []byte {
	out := make([]byte, 0, len(src))
	open := false // inside a comment of several lines
	for line := range bytes.Lines(src) {
		text := bytes.TrimSpace(line)
		switch {
		case open:
			open = !bytes.HasSuffix(text, []byte("*/"))
		case bytes.HasPrefix(text, []byte("//")):
		case bytes.HasPrefix(text, []byte("/*")) && !bytes.Contains(text, []byte("*/")):
			open = true
		case bytes.HasPrefix(text, []byte("/*")) && bytes.HasSuffix(text, []byte("*/")) && bytes.Count(text, []byte("*/")) == 1:
		default:
			out = append(out, line...)
		}
	}
	return bytes.TrimLeft(out, "\n")
}
