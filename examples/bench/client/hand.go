package client

import (
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"

	"github.com/hisock/hisock/core/wire"
)

// A client of hisock's server written by hand: blocking reads and writes of calls and commands, and
// the acks that the server needs.
type hand struct {
	nc       net.Conn
	in       []byte
	r, w     int
	out      []byte
	received uint64
	ackedAt  uint64
}

func openHand(addr string, callers int) (Client, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	h := &hand{nc: nc, in: make([]byte, 64<<10)}
	hello := wire.AppendHello([]byte{0, 'H', 'S', 1}, &wire.Hello{Resume: true, AckBytes: 256 << 10})
	if _, err := nc.Write(hello); err != nil {
		return nil, err
	}
	if _, err = h.next(); err == nil { // the welcome
		_, err = nc.Write(wire.AppendAck(nil, 0))
	}
	return h, err
}

// next returns the next frame.
func (h *hand) next() (wire.Frame, error) {
	for {
		f, size, ok, err := wire.Next(h.in[h.r:h.w], 0)
		if err != nil {
			return f, err
		}
		if ok {
			h.r += size
			if f.Kind.Counted() {
				h.received++
			}
			return f, nil
		}
		h.w = copy(h.in, h.in[h.r:h.w])
		h.r = 0
		n, err := h.nc.Read(h.in[h.w:])
		if h.w += n; n == 0 && err != nil {
			return f, err
		}
	}
}

// wanted returns the next frame of a kind, and answers pings before it.
func (h *hand) wanted(kind wire.Kind) (wire.Frame, error) {
	for {
		f, err := h.next()
		if err != nil || f.Kind == kind {
			return f, err
		}
		if f.Kind == wire.KindPing {
			nonce, _ := wire.ParseNonce(f.Body)
			h.out = wire.AppendPong(h.out, nonce)
		}
	}
}

// ack appends an ack to the bytes to write, as often as hisock's own client does.
func (h *hand) ack() {
	if h.received-h.ackedAt >= 128 {
		h.ackedAt = h.received
		h.out = wire.AppendAck(h.out, h.received)
	}
}

func (h *hand) flush() error {
	_, err := h.nc.Write(h.out)
	h.out = h.out[:0]
	return err
}

// Call is for one caller. In place of several callers one goroutine uses Echo.
func (h *hand) Call(id int, message []byte) error {
	h.ack()
	h.out = wire.AppendRequest(h.out, uint64(id)+1, "echo", message)
	if err := h.flush(); err != nil {
		return err
	}
	f, err := h.wanted(wire.KindReply)
	if err != nil {
		return err
	}
	if _, n := binary.Uvarint(f.Body); len(f.Body)-n != len(message) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (h *hand) Echo(message []byte, window int, count *atomic.Uint64, stop func() bool) error {
	due, flying := window, 0
	for {
		for ; due > 0; due-- {
			h.out = wire.AppendCommand(h.out, "echo", message)
			flying++
		}
		h.ack()
		if len(h.out) > 0 {
			if err := h.flush(); err != nil {
				return err
			}
		}
		if flying == 0 {
			return nil
		}
		for first := true; first || h.whole(); first = false {
			f, err := h.wanted(wire.KindCommand)
			if err != nil {
				return err
			}
			if _, payload, err := wire.ParseCommand(f.Body); err != nil || len(payload) != len(message) {
				return io.ErrUnexpectedEOF
			}
			flying--
			count.Add(1)
			if !stop() {
				due++
			}
		}
	}
}

// whole reports whether the next frame has been read.
func (h *hand) whole() bool {
	_, _, ok, err := wire.Next(h.in[h.r:h.w], 0)
	return ok || err != nil
}

func (h *hand) Close() error { return h.nc.Close() }
