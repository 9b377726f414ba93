package load

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// The client side of WebSocket: RFC 6455, section 5.2 for frames, 4.1 for the handshake.
const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xa

	finBit  = 0x80
	maskBit = 0x80

	maxFrameHeader = 14
	// maxFrame is the greatest length of a frame from a server. A server may put all messages in flight
	// into one frame.
	maxFrame = 8 << 20
)

// maskKey is the only masking key. The cost for a server does not depend on the key.
var maskKey = [4]byte{0x5a, 0xc3, 0x17, 0x88}

var masks = func() (b [16 << 10]byte) {
	for i := range b {
		b[i] = maskKey[i%4]
	}
	return b
}()

// mask masks b in place.
func mask(b []byte) {
	for len(b) > 0 {
		n := subtle.XORBytes(b, b, masks[:])
		b = b[n:]
	}
}

// appendFrameHeader appends the header of a masked frame with a payload of n bytes.
func appendFrameHeader(dst []byte, op byte, n int) []byte {
	dst = append(dst, finBit|op)
	switch {
	case n < 126:
		dst = append(dst, maskBit|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, maskBit|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|127), uint64(n))
	}
	return append(dst, maskKey[:]...)
}

// appendFrame appends a masked frame.
func appendFrame(dst []byte, op byte, payload ...byte) []byte {
	dst = appendFrameHeader(dst, op, len(payload))
	start := len(dst)
	dst = append(dst, payload...)
	mask(dst[start:])
	return dst
}

// batchHeader is the room that is left for the header of a message which will be a whole batch. Most headers
// have this length.
const batchHeader = 8

// sealBatch makes one masked message of the bytes after that room.
func sealBatch(dst []byte, start int) []byte {
	n := len(dst) - start - batchHeader
	var array [maxFrameHeader]byte
	header := appendFrameHeader(array[:0], opBinary, n)
	mask(dst[start+batchHeader:])
	if more := len(header) - batchHeader; more > 0 {
		dst = append(dst, masks[:more]...)
	}
	copy(dst[start+len(header):], dst[start+batchHeader:start+batchHeader+n])
	copy(dst[start:], header)
	return dst[:start+len(header)+n]
}

// A wsHeader is the start of a frame from a server.
type wsHeader struct {
	op     byte
	fin    bool
	size   int // bytes of the header
	length int // bytes of the payload
}

// parseHeader returns a size of 0 if b is too short.
func parseHeader(b []byte) (h wsHeader, err error) {
	if len(b) < 2 {
		return h, nil
	}
	h.op, h.fin = b[0]&0x0f, b[0]&finBit != 0
	length, size := uint64(b[1]), 2
	switch {
	case b[0]&0x70 != 0 || b[1]&maskBit != 0:
		return h, fmt.Errorf("frame header %x", b[:2])
	case length == 126:
		if size = 4; len(b) >= size {
			length = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case length == 127:
		if size = 10; len(b) >= size {
			length = binary.BigEndian.Uint64(b[2:])
		}
	}
	if len(b) < size {
		return h, nil
	}
	if length > maxFrame {
		return h, fmt.Errorf("frame of %d bytes", length)
	}
	h.size, h.length = size, int(length)
	return h, nil
}

// closed returns the error for a close frame.
func closed(payload []byte) error {
	if len(payload) < 2 {
		return errors.New("server closed the connection")
	}
	return fmt.Errorf("server closed the connection: code %d, %s", binary.BigEndian.Uint16(payload), payload[2:])
}

// A wsOpening reads the bytes that a server sends during the handshake.
type wsOpening struct {
	nc net.Conn
	b  []byte
}

// upgrade makes a WebSocket of a connection.
func upgrade(nc net.Conn, path string) (*wsOpening, error) {
	request := "GET " + path + " HTTP/1.1\r\nHost: " + nc.RemoteAddr().String() +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: aGlzb2NrIGJlbmNobWFyaw==\r\n\r\n"
	if _, err := io.WriteString(nc, request); err != nil {
		return nil, err
	}
	o := &wsOpening{nc: nc}
	for {
		if end := strings.Index(string(o.b), "\r\n\r\n"); end >= 0 {
			if line, _, _ := strings.Cut(string(o.b), "\r\n"); !strings.Contains(line, " 101") {
				return nil, fmt.Errorf("server answered %q", o.b)
			}
			o.b = o.b[end+4:]
			return o, nil
		}
		if err := o.more(); err != nil {
			return nil, err
		}
	}
}

func (o *wsOpening) more() error {
	b := make([]byte, 1024)
	n, err := o.nc.Read(b)
	o.b = append(o.b, b[:n]...)
	if len(o.b) > 16<<10 {
		return errors.New("a long handshake")
	}
	return err
}

// next returns the payload of the next frame.
func (o *wsOpening) next() ([]byte, error) {
	for {
		h, err := parseHeader(o.b)
		if err != nil {
			return nil, err
		}
		if end := h.size + h.length; h.size > 0 && end <= len(o.b) {
			payload := o.b[h.size:end]
			o.b = o.b[end:]
			if h.op == opClose {
				return nil, closed(payload)
			}
			return payload, nil
		}
		if err := o.more(); err != nil {
			return nil, err
		}
	}
}

// write sends one message.
func (o *wsOpening) write(op byte, payload []byte) error {
	_, err := o.nc.Write(appendFrame(nil, op, payload...))
	return err
}

// done fails if the server has sent bytes that were not read.
func (o *wsOpening) done() error {
	if len(o.b) > 0 {
		return fmt.Errorf("server sent %q too early", o.b)
	}
	return nil
}
