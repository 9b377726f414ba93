//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A hostileProgram makes frames from bytes: the frames that a client sends, and the data that a server
// reads from them. Three bytes are one frame:
//
//	byte 0   fin, 3 reserved bits, opcode (4 bits), as on the wire
//	byte 1   0x80: no mask; 0x40: length in 16 bits; 0x20: length in 64 bits; 0x10: length with
//	         its top bit set; 0x08: cut off within the header; 0x04: cut off within the payload
//	byte 2   the length of the payload
type hostileProgram struct {
	wire []byte

	data   []byte // payload of binary messages, up to the first wrong frame
	exact  bool   // no frame is wrong: all of data is read, and then the end
	opened bool   // a message has begun and not ended
}

func compile(program []byte) (p hostileProgram) {
	p.exact = true
	for going := true; len(program) >= 3 && going; program = program[3:] {
		going = p.frame(program[0], program[1], program[2])
	}
	return p
}

// frame appends a frame, and returns whether more may follow it.
func (p *hostileProgram) frame(first, how, size byte) bool {
	start := len(p.wire)
	p.wire = append(p.wire, first)
	length := uint64(size)
	switch {
	case how&0x10 != 0:
		p.wire = binary.BigEndian.AppendUint64(append(p.wire, maskBit|127), length|1<<63)
	case how&0x20 != 0:
		p.wire = binary.BigEndian.AppendUint64(append(p.wire, maskBit|127), length)
	case how&0x40 != 0 || size > 125:
		p.wire = binary.BigEndian.AppendUint16(append(p.wire, maskBit|126), uint16(length))
	default:
		p.wire = append(p.wire, maskBit|size)
	}
	if how&0x80 != 0 {
		p.wire[start+1] &^= maskBit
	} else {
		p.wire = append(p.wire, 0, 0, 0, 0)
	}
	if how&0x08 != 0 {
		p.wire = p.wire[:start+1]
		p.exact = false
		return false
	}
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(i) ^ first
	}
	cut := how&0x04 != 0 && size > 0
	if cut {
		payload = payload[:size/2]
	}
	p.wire = append(p.wire, payload...)
	p.model(first, how, size, payload)
	return !cut
}

// model applies the rules of RFC 6455 to a frame.
func (p *hostileProgram) model(first, how, size byte, payload []byte) {
	op, fin, cut := first&opcodeBits, first&finBit != 0, len(payload) < int(size)
	if !p.exact {
		return
	}
	bad := first&0x70 != 0 || how&0xb0 != 0 || how&0x40 != 0 && size <= 125
	switch {
	case bad:
	case op == opPing || op == opPong:
		bad = cut || !fin || len(payload) > 125
	case op == opBinary || op == opContinuation:
		if bad = p.opened != (op == opContinuation); !bad {
			p.data = append(p.data, payload...)
			p.opened = !fin
			bad = cut
		}
	default: // text and close, which end the stream, and reserved opcodes
		bad = true
	}
	p.exact = !bad
}

// Bytes from a client can only end its own conn: the server reads
// the data before the first wrong frame, and then an error.
func FuzzFrames(f *testing.F) {
	good := "\x82\x00\x05"
	for _, program := range []string{
		good, good + good, "\x02\x00\x05\x89\x00\x03\x00\x00\x05\x80\x00\x05", "\x82\x40\x05", "\x82\x20\x05", "\x82\x40\xfe\x82\x00\xff",
		"\x83\x00\x01", "\xc2\x00\x01", "\x82\x80\x05", "\x82\x10\x05", "\x82\x08\x05", "\x82\x04\x05", "\x81\x00\x05",
		"\x88\x00\x00" + good, "\x88\x00\x02", "\x88\x00\x7d", "\x88\x00\x01", "\x89\x40\x7e", "\x09\x00\x01", "\x80\x00\x01",
		"\x02\x00\x05" + good, "\x02\x00\x05", "\x02\x00\x05\x88\x00\x02", strings.Repeat("\x89\x00\x7d", 100), strings.Repeat("\x00\x00\x00", 100),
	} {
		f.Add([]byte(program), byte(100))
		f.Add([]byte(good+program), byte(1))
	}
	f.Fuzz(func(t *testing.T, program []byte, room byte) {
		if len(program) > 3000 {
			return
		}
		p := compile(program)
		got, err := p.run(int(room) + 1)
		switch {
		case err != nil:
			t.Fatal(err)
		case !strings.HasPrefix(string(p.data), string(got)):
			t.Fatalf("read %q, sent %q", got, p.data)
		case p.exact && len(got) != len(p.data):
			t.Fatalf("read %d of %d bytes", len(got), len(p.data))
		}
	})
}

// A recording is a connection whose peer has sent all its bytes already.
type recording struct {
	net.Conn // nil; only the methods below are used
	in       io.Reader
	out      bytes.Buffer
}

func (c *recording) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *recording) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *recording) Close() error                     { return nil }
func (c *recording) LocalAddr() net.Addr              { return nil }
func (c *recording) RemoteAddr() net.Addr             { return nil }
func (c *recording) SetDeadline(time.Time) error      { return nil }
func (c *recording) SetReadDeadline(time.Time) error  { return nil }
func (c *recording) SetWriteDeadline(time.Time) error { return nil }

// run gives the program's bytes to a conn of a server, reads room bytes at a time,
// and returns the data.
func (p *hostileProgram) run(room int) (got []byte, err error) {
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(goodHandshake)))
	if err != nil {
		return nil, err
	}
	conn := &recording{in: bytes.NewReader(p.wire)}
	l := newTestListener(nil)
	go l.ServeHTTP(&pipeResponse{conn: conn, header: http.Header{}}, request)
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	buf := make([]byte, room)
	for err == nil {
		var n int
		n, err = c.Read(buf)
		got = append(got, buf[:n]...)
	}
	if p.exact && !errors.Is(err, io.ErrUnexpectedEOF) {
		return got, fmt.Errorf("an end without a close frame is not io.ErrUnexpectedEOF: %w", err)
	}
	if err := c.Close(); err != nil {
		return got, err
	}
	_, frames, _ := bytes.Cut(conn.out.Bytes(), []byte("\r\n\r\n"))
	return got, judgeAnswer(frames)
}

// judgeAnswer returns the fault in the frames that a server has sent, or nil.
func judgeAnswer(frames []byte) error {
	for r := bytes.NewReader(frames); r.Len() > 0; {
		f, err := readFrame(r)
		switch {
		case err != nil:
			return fmt.Errorf("half a frame: %w", err)
		case f.op == opClose && r.Len() > 0:
			return errors.New("bytes after the close frame")
		case f.op != opClose && f.op != opPong || !f.fin || len(f.payload) > 125:
			return fmt.Errorf("frame %+v", f)
		}
	}
	return nil
}
