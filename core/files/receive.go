package files

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"strconv"

	"github.com/hisock/hisock/core"
)

// Receive receives a file that the other end of a stream sends with [Send]. When it returns nil, all bytes are on the
// disk, the checksum was right, and the file has its name. It does not close to. Its errors are an [Error]. The bytes
// that have come are kept for the next transfer, unless the checksum was wrong.
func Receive(ctx context.Context, s io.ReadWriter, to *Target, opts *Options) (Receipt, error) {
	o := opts.resolved()
	r := receiver{s: s, to: to, most: o.MaxSize, meter: newMeter(&o), sum: sha256.New()}
	got, err := r.receive(ctx)
	if err != nil {
		return Receipt{}, r.meter.failed(err)
	}
	return got, nil
}

// A receiver receives one file.
type receiver struct {
	s     io.ReadWriter
	to    *Target
	most  int64 // most bytes to receive; negative for no bound
	meter *meter
	sum   hash.Hash // of the bytes so far
	buf   []byte
}

func (r *receiver) receive(ctx context.Context) (Receipt, error) {
	var raw [offerSize]byte
	if err := readAll(r.s, raw[:]); err != nil {
		return Receipt{}, err
	}
	what, err := parseOffer(raw)
	if err != nil {
		return Receipt{}, err
	}
	r.meter.Size = what.size
	if r.isTooBig(what.size) {
		return Receipt{}, r.tooBig()
	}
	r.buf = make([]byte, bufferSize)
	has, err := r.to.begin(what)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := r.s.Write(binary.BigEndian.AppendUint64(nil, uint64(has))); err != nil {
		return Receipt{}, err
	}
	if err := r.hashPart(ctx, has); err != nil {
		return Receipt{}, err
	}
	sum := r.soFar()
	if _, err := r.s.Write(sum[:]); err != nil {
		return Receipt{}, err
	}
	var from [startSize]byte
	if err := readAll(r.s, from[:]); err != nil {
		return Receipt{}, err
	}
	start := int64(binary.BigEndian.Uint64(from[:]))
	if start != 0 && start != has {
		return Receipt{}, broken("the sender begins where it was not asked to")
	}
	if start == 0 {
		r.sum.Reset()
	}
	if err := r.to.start(start); err != nil {
		return Receipt{}, err
	}
	r.meter.begin(start)
	for more := true; more; {
		if more, err = r.chunk(ctx); err != nil {
			return Receipt{}, err
		}
	}
	return r.finish(start)
}

// hashPart hashes the bytes that an earlier transfer has left.
func (r *receiver) hashPart(ctx context.Context, has int64) error {
	for at := int64(0); at < has; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := r.buf[:min(int64(len(r.buf)), has-at)]
		if err := r.to.readAt(p, at); err != nil {
			return err
		}
		r.sum.Write(p)
		at += int64(len(p))
	}
	return nil
}

// chunk receives a chunk. It reports false after the last.
func (r *receiver) chunk(ctx context.Context) (more bool, err error) {
	var head [lengthSize]byte
	if err := readAll(r.s, head[:]); err != nil {
		return false, err
	}
	left := int64(binary.BigEndian.Uint32(head[:]))
	m := r.meter
	switch {
	case left > maxChunk:
		return false, broken("a chunk that is longer than chunks may be")
	case m.Size >= 0 && left > m.Size-m.Done:
		return false, broken("the sender sends more than it has offered")
	case r.isTooBig(m.Done + left):
		return false, r.tooBig()
	case left == 0:
		return false, nil
	}
	for left > 0 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		p := r.buf[:min(int64(len(r.buf)), left)]
		n, err := io.ReadFull(r.s, p)
		if n > 0 { // also bytes that came before the stream broke off
			if err := r.to.write(p[:n]); err != nil {
				return false, err
			}
			r.sum.Write(p[:n])
			m.add(n)
			left -= int64(n)
		}
		if err != nil {
			return false, ended(err)
		}
	}
	return true, nil
}

// finish checks the content, and puts the file in its place.
func (r *receiver) finish(start int64) (Receipt, error) {
	var want [sha256.Size]byte
	if err := readAll(r.s, want[:]); err != nil {
		return Receipt{}, err
	}
	m := r.meter
	if m.Size >= 0 && m.Done != m.Size {
		return Receipt{}, broken("the sender sends less than it has offered")
	}
	if r.soFar() != want {
		r.to.discard()
		return Receipt{}, core.NewError(core.CodeBadPayload, "the checksum is wrong")
	}
	if err := r.to.commit(); err != nil {
		return Receipt{}, err
	}
	r.s.Write([]byte{done}) //nolint:errcheck // the file is here; a sender that misses this sends again and is told
	m.Size = m.Done
	m.now()
	return Receipt{m.Size, start, want}, nil
}

func (r *receiver) soFar() [sha256.Size]byte { return [sha256.Size]byte(r.sum.Sum(nil)) }

func (r *receiver) isTooBig(size int64) bool { return r.most >= 0 && size > r.most }

func (r *receiver) tooBig() error {
	return core.NewError(core.CodeTooBig, "the file has more than the "+strconv.FormatInt(r.most, 10)+" B that are taken")
}
