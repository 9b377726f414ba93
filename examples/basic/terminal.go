package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxLine is how much of a typed line is kept, in bytes: more than any answer may have, so
// that what was cut is refused for its length.
const maxLine = 4096

// errNoInput is why nothing more can be asked.
var errNoInput = errors.New("the input ended before all was answered")

// A terminal is where a person types and reads. Its printing methods may be called by several
// goroutines at once.
type terminal struct {
	lines <-chan string // closed at the end of the input

	mu       sync.Mutex // guards writing
	out, err io.Writer
}

// newTerminal starts reading in, which goes on until in ends, or until the first line after
// ctx has ended.
func newTerminal(ctx context.Context, in io.Reader, out, err io.Writer) *terminal {
	lines := make(chan string)
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, maxLine)
		for {
			raw, cut, err := r.ReadLine()
			if err != nil {
				return
			}
			line := strings.TrimSpace(string(raw))
			for cut && err == nil {
				_, cut, err = r.ReadLine()
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return &terminal{lines: lines, out: out, err: err}
}

// ask asks until there is an answer that check likes. An empty one means the default, which
// is not checked.
func (t *terminal) ask(ctx context.Context, question, byDefault string, check func(string) error) (string, error) {
	for {
		t.print("%s ", question)
		select {
		case line, more := <-t.lines:
			if !more {
				t.print("\n")
				return "", errNoInput
			}
			if line == "" {
				return byDefault, nil
			}
			err := check(line)
			if err == nil {
				return line, nil
			}
			t.print("That cannot be: %v.\n", err)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// print writes what is formatted, all of it at once.
func (t *terminal) print(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...) //nolint:errcheck // there is nobody to be told
}

// complain writes one line to the error output.
func (t *terminal) complain(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.err, "basic: "+format+"\n", args...) //nolint:errcheck // there is nobody to be told
}

// plain makes what somebody else wrote safe to print: one line, nothing that moves the
// cursor or turns the direction of text, and not too long.
func plain(s string) string {
	if len(s) > maxLine {
		s = s[:maxLine] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && !unicode.In(r, unicode.Zl, unicode.Zp) {
			return r
		}
		return utf8.RuneError
	}, s)
}
