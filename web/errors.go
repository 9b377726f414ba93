package web

import (
	"errors"
	"strconv"
	"strings"
)

var (
	// ErrNoGo is why [Build] fails where no Go command is found. Serving a bundle that
	// was built elsewhere needs none.
	ErrNoGo = errors.New("no go command found: install Go, or use a bundle that was built before")

	// ErrNotBundle is why [Build] refuses a folder that holds something else.
	ErrNotBundle = errors.New("the folder holds files that are not a bundle")
)

// A BuildError says at which step [Build] failed.
type BuildError struct {
	Step   string // what was being done, such as "compile hisock.wasm"
	Output string // what the Go command printed, if it was that which failed
	Err    error
}

// Error has the output of the Go command on lines of its own.
func (e *BuildError) Error() string {
	s := "web: " + e.Step + ": " + e.Err.Error()
	if out := strings.TrimSpace(e.Output); out != "" {
		s += "\n" + out
	}
	return s
}

func (e *BuildError) Unwrap() error { return e.Err }

// A BundleError says what is wrong with a bundle.
type BundleError struct {
	Missing []string // files that are not there
	Damaged []string // files that are not what the manifest says
	Err     error    // why the manifest, or a file, cannot be read
}

// Error names every file.
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
