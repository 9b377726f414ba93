package files

import (
	"context"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/hisock/hisock/core"
)

// bufferSize is the size of a transfer's buffer, in bytes.
const bufferSize = 64 << 10

// A Source is content to be sent. One transfer at a time may use it. [Source.Close] closes its
// file, unless the program has opened the file.
type Source struct {
	r     io.Reader
	seek  io.Seeker // nil if the content can be read only once
	base  int64     // offset of the content in seek, in bytes
	size  int64     // in bytes; negative if it is not known
	begun bool      // something has been read

	file *os.File    // to be closed; nil if the program has opened it
	info fs.FileInfo // state of the file when it was opened; nil without a file
}

// Open opens a file for sending. The file must not change meanwhile.
func Open(path string) (*Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return sourceOf(f)
}

// sourceOf returns a source that closes f. It closes f and fails if f is no regular file.
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

// NewSource returns a source of the rest of r. If r is an [io.Seeker], a transfer can go on where another one ended,
// and a negative size means all bytes to the end of r. Otherwise there is only one transfer, from the first byte, and a
// negative size means that the size is unknown.
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

// Size returns the size in bytes, or a negative number if the size is unknown.
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

// rewind goes back to the first byte.
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

// read fills p. It returns fewer bytes only at the end, and [io.EOF] after the end.
func (s *Source) read(p []byte) (int, error) {
	s.begun = true
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// shorter replaces the error of a file's end, which has come too early.
func shorter(err error) error {
	if err == io.EOF {
		return errChanged
	}
	return err
}

var errChanged = core.NewError(core.CodeInternal, "the file has changed while it was sent")

// unchanged fails if the file has changed since it was opened.
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
