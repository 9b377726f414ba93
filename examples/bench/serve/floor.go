package serve

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/hisock/hisock/examples/bench/items"
)

// The floor is written by hand for this benchmark. Each message has its length before it, in four bytes. Replies
// are gathered, and written when there is nothing left to read. A goroutine of the connection writes messages from
// other connections, all that wait in one write. There is nothing
// else: no limits, no heartbeats, no names. With writeEach it is floor-singly.
func startFloor(out flushFunc) func() (string, error) {
	return func() (string, error) { return serveFloor(&floor{out: out}) }
}

func serveFloor(s *floor) (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				s.serve(nc)
				nc.Close()
			}()
		}
	}()
	return l.Addr().String(), nil
}

type floor struct {
	groups groups[*outbox]
	out    flushFunc  // writes messages from other connections
	link   *floorLink // to the other servers; nil if there are none
}

func (s *floor) serve(nc net.Conn) error {
	r := newFloorReader(nc)
	first, err := r.next()
	if err != nil {
		return err
	}
	job := parseJob(string(first))
	if job.group == "" {
		if _, err := nc.Write(appendFloor(nil, ready)); err != nil {
			return err
		}
		switch {
		case job.echo:
			return echoFloor(nc, r)
		case job.items >= 4:
			return sendItems(nc, job.items)
		case job.bytes > 0:
			_, err := io.CopyBuffer(onlyWriter{nc}, items.NewReader(job.bytes), make([]byte, floorWrite))
			return err
		}
		return s.relay(r)
	}
	box := newOutbox(nc, s.out)
	defer box.close()
	s.groups.join(job.group, box)
	if err := s.link.follow(s, job.group); err != nil {
		return err
	}
	defer s.groups.leave(job.group, box)
	box.put(appendFloor(nil, ready))
	_, err = r.next() // it returns when the connection ends
	return err
}

func echoFloor(nc net.Conn, r *floorReader) error {
	var replies []byte
	for {
		message, err := r.next()
		if err != nil {
			return err
		}
		// For a large message two writes cost less than a copy, and less than one write that is slightly longer than
		// a segment of the loopback device, 64 KiB.
		if len(message) >= floorLarge {
			replies = binary.BigEndian.AppendUint32(replies, uint32(len(message)))
			replies = append(replies, message[:floorLarge]...)
			if _, err := nc.Write(replies); err != nil {
				return err
			}
			if _, err := nc.Write(message[floorLarge:]); err != nil {
				return err
			}
			replies = replies[:0]
			continue
		}
		replies = appendFloor(replies, message)
		if r.dry() || len(replies) >= floorWrite {
			if _, err := nc.Write(replies); err != nil {
				return err
			}
			replies = replies[:0]
		}
	}
}

// An onlyWriter keeps io.CopyBuffer at its buffer.
type onlyWriter struct{ io.Writer }

// sendItems sends items without an end: small ones gathered into one write, large ones without a copy.
func sendItems(nc net.Conn, size int) error {
	ring := items.NewRing(size)
	if size >= floorLarge {
		header := binary.BigEndian.AppendUint32(nil, uint32(size))
		for n := uint64(0); ; n++ {
			b := net.Buffers{header, ring.At(n)}
			if _, err := b.WriteTo(nc); err != nil {
				return err
			}
		}
	}
	out := make([]byte, 0, floorWrite+4+size)
	for n := uint64(0); ; n++ {
		out = appendFloor(out, ring.At(n))
		if len(out) >= floorWrite {
			if _, err := nc.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
}

func (s *floor) relay(r *floorReader) error {
	var frame []byte
	for {
		message, err := r.next()
		if err != nil {
			return err
		}
		frame = appendFloor(frame[:0], message)
		for _, box := range s.groups.of(message) {
			box.put(frame)
		}
		if err := s.link.publish(message); err != nil {
			return err
		}
	}
}

const (
	floorRead    = 16 << 10 // bytes to read at once, at first
	floorReadMax = 64 << 10 // bytes to read at once after a read that filled its buffer
	floorWrite   = 64 << 10 // bytes of replies from which on they are written at once
	floorLarge   = 16 << 10 // bytes from which on a message is large
)

func appendFloor(dst, message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(message))), message...)
}

// A floorReader reads messages. It reads as many small messages at once as have come. Of a large message it reads only
// the missing bytes, so that no bytes have to be moved to make room.
type floorReader struct {
	nc    net.Conn
	buf   []byte
	r, w  int
	chunk int // bytes to read at once
}

func newFloorReader(nc net.Conn) *floorReader {
	return &floorReader{nc: nc, buf: make([]byte, floorRead), chunk: floorRead}
}

// next returns the next message, which is valid until the next call.
func (f *floorReader) next() ([]byte, error) {
	for {
		if message := f.whole(); message != nil {
			f.r += 4 + len(message)
			return message, nil
		}
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
		end := f.w + f.chunk
		large := false
		if f.w >= 4 {
			size := int(binary.BigEndian.Uint32(f.buf))
			if size > maxMessage {
				return nil, errors.New("message too long")
			}
			if large = size >= floorLarge; large {
				end = 4 + size
			}
		}
		if end > len(f.buf) {
			bigger := make([]byte, end)
			copy(bigger, f.buf[:f.w])
			f.buf = bigger
		}
		n, err := f.nc.Read(f.buf[f.w:end])
		if n == 0 && err != nil {
			return nil, err
		}
		f.w += n
		if f.w == end && !large {
			f.chunk = min(2*f.chunk, floorReadMax)
		}
	}
}

// whole returns the first message in the buffer, or nil if it is incomplete or empty.
func (f *floorReader) whole() []byte {
	b := f.buf[f.r:f.w]
	if len(b) < 4 {
		return nil
	}
	size := int(binary.BigEndian.Uint32(b))
	if size > maxMessage || len(b) < 4+size {
		return nil
	}
	return b[4 : 4+size : 4+size]
}

// dry reports whether the next message has to be read first.
func (f *floorReader) dry() bool { return f.whole() == nil }
