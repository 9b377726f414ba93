package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/hisock/hisock/core/wire"
)

// The commands of the server.
const (
	echoCommand = "echo"
	sendCommand = "send"
)

// When hisock's own client acknowledges what it has received: see core/conn_ack.go.
const (
	ackFrames = 128
	ackBytes  = 64 << 10
)

// A hisockCodec speaks hisock's native format over TCP. Only the handshake is left to package
// wire; it answers pings and acknowledges as hisock's own client does.
type hisockCodec struct {
	job  job
	name string // of the commands
	want byte   // the kind of frame that carries a message

	received uint64 // counted frames
	ackedAt  uint64
	unacked  int // bytes since
	ackBytes int
	calls    uint64 // replies

	pong    uint64
	pongDue bool
	ctl     []byte
}

// hello is what a client sends first.
func (c *hisockCodec) hello(r role) []byte {
	c.job, c.name, c.want = r.job, echoCommand, byte(wire.KindCommand)
	h := &wire.Hello{Resume: true, AckBytes: 256 << 10}
	switch r.job {
	case call:
		c.want = byte(wire.KindReply)
	case send:
		c.name = sendCommand
	case receive:
		c.name = sendCommand
		h.Groups = []string{groupName(r.group)}
	}
	return wire.AppendHello([]byte{0, 'H', 'S', 1}, h)
}

// welcomed takes the server's answer.
func (c *hisockCodec) welcomed(b []byte) error {
	f, _, ok, err := wire.Next(b, 0)
	if err != nil || !ok {
		return fmt.Errorf("no welcome: %w", err)
	}
	if f.Kind != wire.KindWelcome {
		return fmt.Errorf("server answered with %v", f.Kind)
	}
	w, err := wire.ParseWelcome(f.Body, nil)
	if err != nil {
		return err
	}
	if len(w.Token) == 0 || w.AckBytes == 0 {
		return errors.New("the session cannot be resumed")
	}
	c.ackBytes = int(w.AckBytes)
	return nil
}

func (c *hisockCodec) open(nc net.Conn, r role) error {
	if _, err := nc.Write(c.hello(r)); err != nil {
		return err
	}
	// Nothing follows the welcome before somebody sends, so a plain read cannot take too much.
	b := make([]byte, 1024)
	n, err := io.ReadAtLeast(nc, b, 2)
	if err != nil {
		return err
	}
	for {
		if _, size, ok, err := wire.Next(b[:n], 0); err != nil {
			return err
		} else if ok && size == n {
			return c.welcomed(b[:n])
		}
		more, err := nc.Read(b[n:])
		if err != nil {
			return err
		}
		n += more
	}
}

func (c *hisockCodec) begin(dst []byte) []byte { return dst }

func (c *hisockCodec) append(dst []byte, m message) []byte {
	length := 1 + 1 + len(c.name) + m.size
	if c.job == call {
		id := uint64(m.seq) + 1
		length += uvarintSize(id)
		dst = append(binary.AppendUvarint(dst, uint64(length)), byte(wire.KindRequest))
		dst = binary.AppendUvarint(dst, id)
	} else {
		dst = append(binary.AppendUvarint(dst, uint64(length)), byte(wire.KindCommand))
	}
	dst = append(append(dst, byte(len(c.name))), c.name...)
	return m.append(dst)
}

func (c *hisockCodec) seal(dst []byte, _ int) []byte { return dst }

func (c *hisockCodec) feed(b []byte, got func([]byte) error) (n int, err error) {
	for n < len(b) {
		length, size := binary.Uvarint(b[n:])
		if size == 0 {
			break
		}
		if size < 0 || length == 0 || length > MaxSize+64 {
			return n, fmt.Errorf("frame of %d bytes", length)
		}
		end := n + size + int(length)
		if end > len(b) {
			break
		}
		if err := c.frame(b[n+size], b[n+size+1:end], got); err != nil {
			return n, err
		}
		c.unacked += end - n
		n = end
	}
	return n, nil
}

func (c *hisockCodec) frame(kind byte, body []byte, got func([]byte) error) error {
	if kind == c.want {
		c.received++
		if kind == byte(wire.KindReply) {
			id, n := binary.Uvarint(body)
			if c.calls++; n <= 0 || id != c.calls {
				return fmt.Errorf("reply to call %d, not %d", id, c.calls)
			}
			return got(body[n:])
		}
		if end := 1 + len(c.name); len(body) >= end && body[0] == byte(len(c.name)) && string(body[1:end]) == c.name {
			return got(body[end:])
		}
		return fmt.Errorf("command %.8q", body)
	}
	switch wire.Kind(kind) {
	case wire.KindPing:
		c.pong, _ = binary.Uvarint(body)
		c.pongDue = true
	case wire.KindPong, wire.KindAck:
	case wire.KindGoodbye:
		g, err := wire.ParseGoodbye(body)
		if err != nil {
			return err
		}
		return fmt.Errorf("server said goodbye: code %d, %s", g.Code, g.Reason)
	default:
		return fmt.Errorf("frame of %v", wire.Kind(kind))
	}
	return nil
}

func (c *hisockCodec) control(more bool) []byte {
	frames := c.received - c.ackedAt
	due := c.unacked >= c.ackBytes || c.unacked >= ackBytes && frames >= ackFrames || more && frames >= ackFrames
	if !due && !c.pongDue {
		return nil
	}
	c.ctl = c.ctl[:0]
	if frames > 0 {
		c.ctl = wire.AppendAck(c.ctl, c.received)
		c.ackedAt, c.unacked = c.received, 0
	}
	if c.pongDue {
		c.ctl = wire.AppendPong(c.ctl, c.pong)
		c.pongDue = false
	}
	return c.ctl
}

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
