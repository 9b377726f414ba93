package files

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Options say how a transfer goes. Nil means the defaults.
type Options struct {
	// MaxSize is how many bytes a receiver takes. A bigger file fails with [core.CodeTooBig] before anything is
	// written, or, if the sender does not know the size, when more bytes come. Zero means 1 GiB, negative no bound.
	MaxSize int64

	// Progress, if set, is told how far the transfer is: when it begins, at most ten times a second, and when all
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

// A Progress is how far a transfer is, in bytes: From ≤ Done ≤ Size.
type Progress struct {
	From int64 // where this attempt has begun: what the receiver had before
	Done int64 // what has been received, or has been sent and may still be on its way
	Size int64 // of the whole; negative if the sender does not know it
}

// A Receipt is about a file that is in its place at the receiver.
type Receipt struct {
	Size   int64             // in bytes
	From   int64             // where the last attempt has begun
	SHA256 [sha256.Size]byte // of the whole
}

// Sum is the SHA-256 in hexadecimal, as sha256sum prints it.
func (r Receipt) Sum() string { return hex.EncodeToString(r.SHA256[:]) }

// An Error is why a transfer did not come to its end, and how far it came. [core.CodeOf], [core.IsRemote], [errors.Is] and
// [errors.As] find the reason.
type Error struct {
	// Err is the reason: an error of the stream, of the disk, of the content, or of the context.
	Err error

	// Done and Size are the fields of [Progress] at that time. Done is negative if the ends had not agreed where to begin.
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

// A meter tells a program of its progress, and remembers it for an [Error].
type meter struct {
	Progress
	tell func(Progress)
	last time.Time // when tell was called last
}

const tellEvery = 100 * time.Millisecond

func newMeter(o *Options) *meter {
	return &meter{Progress: Progress{Done: -1, Size: -1}, tell: o.Progress}
}

// begin notes where an attempt begins.
func (m *meter) begin(from int64) {
	m.From, m.Done = from, from
	m.now()
}

// add notes that n more bytes have been carried.
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

// failed makes an [Error] of err.
func (m *meter) failed(err error) error {
	return &Error{Err: err, Done: m.Done, Size: m.Size}
}
