package files

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
)

// Send sends a file over a stream, and returns when the file is in its place at the other end, which calls [Receive].
// It does not close the stream: a handler returns, and [Upload] closes the stream of a client. Its errors are an
// [Error].
func Send(ctx context.Context, s io.ReadWriter, from *Source, opts *Options) (Receipt, error) {
	o := opts.resolved()
	m := newMeter(&o)
	m.Size = from.size
	got, err := send(ctx, s, from, m)
	if err != nil {
		return Receipt{}, m.failed(err)
	}
	return got, nil
}

func send(ctx context.Context, s io.ReadWriter, from *Source, m *meter) (Receipt, error) {
	if err := from.rewind(); err != nil {
		return Receipt{}, err
	}
	what := offer{from.size, from.seek != nil && from.size >= 0}
	if _, err := s.Write(what.append(nil)); err != nil {
		return Receipt{}, err
	}
	var raw [hasSize]byte
	if err := readAll(s, raw[:]); err != nil {
		return Receipt{}, err
	}
	start, err := parseHas(raw, what)
	if err != nil {
		return Receipt{}, err
	}
	buf, h := make([]byte, bufferSize), sha256.New()
	if err := from.hashTo(ctx, h, start, buf); err != nil { // the receiver hashes the same bytes meanwhile
		return Receipt{}, err
	}
	var has [sha256.Size]byte
	if err := readAll(s, has[:]); err != nil {
		return Receipt{}, err
	}
	if start > 0 && [sha256.Size]byte(h.Sum(nil)) != has {
		h.Reset()
		start = 0
		if err := from.rewind(); err != nil {
			return Receipt{}, err
		}
	}
	if _, err := s.Write(binary.BigEndian.AppendUint64(nil, uint64(start))); err != nil {
		return Receipt{}, err
	}
	m.begin(start)
	for from.size < 0 || m.Done < from.size {
		if err := ctx.Err(); err != nil {
			return Receipt{}, err
		}
		chunk := buf[lengthSize:]
		if from.size >= 0 {
			chunk = chunk[:min(int64(len(chunk)), from.size-m.Done)]
		}
		n, err := from.read(chunk)
		if err == io.EOF && from.size < 0 {
			break
		}
		if err != nil {
			return Receipt{}, shorter(err)
		}
		h.Write(chunk[:n])
		binary.BigEndian.PutUint32(buf, uint32(n))
		if _, err := s.Write(buf[:lengthSize+n]); err != nil {
			return Receipt{}, err
		}
		m.add(n)
	}
	if err := from.unchanged(); err != nil {
		return Receipt{}, err
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if _, err := s.Write(append(make([]byte, lengthSize), sum[:]...)); err != nil {
		return Receipt{}, err
	}
	var last [1]byte
	if err := readAll(s, last[:]); err != nil {
		return Receipt{}, err
	}
	if last[0] != done {
		return Receipt{}, broken("the receiver did not say that the file is in its place")
	}
	m.Size = m.Done
	m.now()
	return Receipt{m.Size, start, sum}, nil
}

// readAll fills b with the next bytes.
func readAll(s io.Reader, b []byte) error {
	_, err := io.ReadFull(s, b)
	return ended(err)
}

// ended replaces the error of a stream's end, which has come too early.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return broken("the stream has ended before the file was in its place")
	}
	return err
}
