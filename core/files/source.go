package files

import (
	"context"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/hisock/hisock/core"
)

// bufferSize is how many bytes a transfer reads at a time, and holds.
const bufferSize = 64 << 10

// A Source is content to be sent. One transfer may use it at a time. [Source.Close] closes the file that it has opened.
type Source struct {
	r     io.Reader
	seek  io.Seeker // nil if the content can be read once only
	base  int64     // offset in seek of the first byte, in bytes
	size  int64     // in bytes; negative if it is not known
	begun bool      // something has been read

	file *os.File    // to be closed; nil if the program has opened it
	info fs.FileInfo // of a file, when it was opened
}

// Open opens a file that is to be sent. The file must not change meanwhile.
func Open(path string) (*Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return sourceOf(f)
}

// sourceOf returns a source that closes f, or closes f if f is no file with content.
func sourceOf(f *os.File) (*Source, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		f.Close() //nolint:errcheck // it was only looked at
		return nil, err
	}
	return &Source{r: f, seek: f, size: info.Size(), file: f, info: info}, nil
}

// NewSource returns a source of what r has from now on. If r is an [io.Seeker], a transfer can go on where it was, and a
// negative size means what r has to its end. Else each transfer begins at the first byte, there can be only one, and a
// negative size means that the size is not known.
func NewSource(r io.Reader, size int64) (*Source, error) {
	s := &Source{r: r, size: size}
	if seek, ok := r.(io.Seeker); ok {
		base, err := seek.Seek(0, io.SeekCurrent)
		if err == nil && size < 0 {
			if s.size, err = seek.Seek(0, io.SeekEnd); err == nil {
				s.size = max(0, s.size-base)
				_, err = seek.Seek(base, io.SeekStart)
			}
		}
		if err != nil {
			return nil, err
		}
		s.seek, s.base = seek, base
	}
	s.size = max(s.size, -1)
	return s, nil
}

// Size returns the size in bytes, or a negative number if it is not known.
func (s *Source) Size() int64 { return s.size }

// Close closes the file that [Open] or [Folder.Open] has opened. It may be called more than once.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// again reports whether the content can be read from its beginning.
func (s *Source) again() bool { return s.seek != nil || !s.begun }

// rewind makes the first byte the next one.
func (s *Source) rewind() error {
	if s.seek != nil {
		_, err := s.seek.Seek(s.base, io.SeekStart)
		return err
	}
	if s.begun {
		return core.NewError(core.CodeInternal, "what was to be sent can be read once only")
	}
	return nil
}

// hashTo hashes the next n bytes.
func (s *Source) hashTo(ctx context.Context, h hash.Hash, n int64, buf []byte) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, err := s.read(buf[:min(int64(len(buf)), n)])
		if err != nil {
			return shorter(err)
		}
		h.Write(buf[:k])
		n -= int64(k)
	}
	return nil
}

// read fills p. It fails with [io.EOF] if there is nothing more, and returns less than asked for only before the end.
func (s *Source) read(p []byte) (int, error) {
	s.begun = true
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// shorter says of the end of a file that it came too early.
func shorter(err error) error {
	if err == io.EOF {
		return errChanged
	}
	return err
}

var errChanged = core.NewError(core.CodeInternal, "the file has changed while it was sent")

// unchanged fails if the file is not what it was when it was opened.
func (s *Source) unchanged() error {
	if s.file == nil {
		return nil
	}
	now, err := s.file.Stat()
	if err != nil {
		return err
	}
	if now.Size() != s.info.Size() || !now.ModTime().Equal(s.info.ModTime()) {
		return errChanged
	}
	return nil
}
