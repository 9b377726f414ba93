package web

import (
	"errors"
	"strconv"
	"strings"
)

var (
	// ErrNoGo is the error of [Build] if it finds no go command. Serving a bundle needs no go command.
	ErrNoGo = errors.New("no go command found: install Go, or use a bundle that was built before")

	// ErrNotBundle is the error of [Build] for a folder that holds files and is not a bundle.
	ErrNotBundle = errors.New("the folder holds files that are not a bundle")
)

// A BuildError is the error of [Build].
type BuildError struct {
	Step   string // the step that failed, such as "compile hisock.wasm"
	Output string // output of the go command if the go command failed; empty otherwise
	Err    error
}

// Error returns the error as text. The output of the go command begins on the second line.
func (e *BuildError) Error() string {
	s := "web: " + e.Step + ": " + e.Err.Error()
	if out := strings.TrimSpace(e.Output); out != "" {
		s += "\n" + out
	}
	return s
}

func (e *BuildError) Unwrap() error { return e.Err }

// A BundleError is the error for an incomplete or damaged bundle.
type BundleError struct {
	Missing []string // files that are missing, sorted
	Damaged []string // files whose size or checksum differs from the manifest, sorted
	Err     error    // why the manifest or a file cannot be read; nil if they can be read
}

// Error names every missing and damaged file.
func (e *BundleError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "lacks "+quoteAll(e.Missing))
	}
	if len(e.Damaged) > 0 {
		parts = append(parts, "has a damaged "+quoteAll(e.Damaged))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return "web: bundle: " + strings.Join(parts, "; ")
}

func (e *BundleError) Unwrap() error { return e.Err }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, ", ")
}
