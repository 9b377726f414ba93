package files

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Options are the options of a transfer. Nil means the defaults.
type Options struct {
	// MaxSize is how many bytes a receiver takes. A bigger file fails with [core.CodeTooBig] before anything is
	// written, or, if the sender does not know the size, when more bytes come. Zero means 1 GiB, negative no bound.
	MaxSize int64

	// Progress, if set, is called when the transfer begins, at most ten times a second after that, and when all
	// bytes are there. It runs on the goroutine of the transfer, which waits for it.
	Progress func(Progress)
}

const defaultMaxSize = 1 << 30

func (o *Options) resolved() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.MaxSize == 0 {
		r.MaxSize = defaultMaxSize
	}
	return r
}

// A Progress is the state of a transfer, in bytes: From ≤ Done ≤ Size.
type Progress struct {
	From int64 // where this attempt has begun: the bytes that the receiver had before
	Done int64 // bytes that were received, or were sent and may still be on their way
	Size int64 // of the whole content; negative if the sender does not know it
}

// A Receipt describes a file that is in its place at the receiver.
type Receipt struct {
	Size   int64             // of the whole content, in bytes
	From   int64             // where the last attempt has begun, in bytes
	SHA256 [sha256.Size]byte // of the whole content
}

// Sum is the SHA-256 in hexadecimal, as sha256sum prints it.
func (r Receipt) Sum() string { return hex.EncodeToString(r.SHA256[:]) }

// An Error says why a transfer has failed, and how far it came. [core.CodeOf], [core.IsRemote], [errors.Is] and
// [errors.As] find the reason.
type Error struct {
	// Err is the reason: an error of the stream, of the disk, of the content, or of the context.
	Err error

	// Done and Size are the fields of [Progress] at the end. Done is negative if the ends have not
	// agreed where to begin.
	Done, Size int64
}

func (e *Error) Error() string {
	s := "files: "
	if e.Done >= 0 {
		s += "after " + strconv.FormatInt(e.Done, 10) + " B"
		if e.Size >= 0 {
			s += " of " + strconv.FormatInt(e.Size, 10)
		}
		s += ": "
	}
	return s + e.Err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// A meter tells the program of the progress of a transfer, and keeps it for an [Error].
type meter struct {
	Progress
	tell func(Progress)
	last time.Time // time of the last call of tell
}

const tellEvery = 100 * time.Millisecond

func newMeter(o *Options) *meter {
	return &meter{Progress: Progress{Done: -1, Size: -1}, tell: o.Progress}
}

// begin begins an attempt at from.
func (m *meter) begin(from int64) {
	m.From, m.Done = from, from
	m.now()
}

// add counts n more bytes.
func (m *meter) add(n int) {
	m.Done += int64(n)
	if m.tell != nil && time.Since(m.last) >= tellEvery {
		m.now()
	}
}

func (m *meter) now() {
	if m.tell != nil {
		m.tell(m.Progress)
		m.last = time.Now()
	}
}

// failed returns an [Error] with the reason err.
func (m *meter) failed(err error) error {
	return &Error{Err: err, Done: m.Done, Size: m.Size}
}
