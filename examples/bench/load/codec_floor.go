package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// A floorCodec speaks the protocol of the server written by hand: each message has its length before it, in
// four bytes, big endian. The first message says the role, and the server answers "ready".
type floorCodec struct{}

const ready = "ready"

func (floorCodec) open(nc net.Conn, r role) error {
	name := r.name()
	b := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	if _, err := nc.Write(append(b, name...)); err != nil {
		return err
	}
	answer := make([]byte, 4+len(ready))
	if _, err := io.ReadFull(nc, answer); err != nil {
		return err
	}
	if string(answer[4:]) != ready {
		return fmt.Errorf("server answered %q", answer)
	}
	return nil
}

func (floorCodec) begin(dst []byte) []byte { return dst }

func (floorCodec) append(dst []byte, m message) []byte {
	return m.append(binary.BigEndian.AppendUint32(dst, uint32(m.size)))
}

func (floorCodec) seal(dst []byte, _ int) []byte { return dst }

func (floorCodec) feed(b []byte, got func([]byte) error) (n int, err error) {
	for len(b)-n >= 4 {
		size := binary.BigEndian.Uint32(b[n:])
		if size > MaxSize {
			return n, fmt.Errorf("message of %d bytes", size)
		}
		end := n + 4 + int(size)
		if end > len(b) {
			break
		}
		if err := got(b[n+4 : end]); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

func (floorCodec) control(bool) []byte { return nil }
