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

// maxLine is how many bytes of a typed line are kept. Every valid answer is shorter, so a line
// that was cut is refused because of its length.
const maxLine = 4096

// errNoInput is the error of ask after the end of the input.
var errNoInput = errors.New("the input ended before all was answered")

// A terminal reads what the user types, and prints. print and complain may be called by several
// goroutines at once.
type terminal struct {
	lines <-chan string // closed at the end of the input

	mu       sync.Mutex // guards writing
	out, err io.Writer
}

// newTerminal returns a terminal and starts a goroutine that reads in. The goroutine ends when in ends, or at the
// first line after ctx has ended.
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

// ask repeats the question until check accepts the answer. An empty answer means byDefault, which
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

// print writes formatted text with one write, so that texts of several goroutines do not mix.
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

// plain makes text from others safe to print: one line, without characters that move the
// cursor or turn the direction of text, and not too long.
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
