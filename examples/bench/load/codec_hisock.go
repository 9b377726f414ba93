package load

import (
	"bytes"
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

// When hisock's own client sends an ack: see core/internal/session/acks.go.
const (
	ackFrames = 128
	ackBytes  = 64 << 10
)

// A hisockCodec speaks hisock's native format over TCP. It uses package wire only for the handshake. It answers pings
// and sends acks as hisock's own client does.
type hisockCodec struct {
	job  job
	name string // name of the commands
	want byte   // kind of the frames that carry messages

	// Most messages have the length and the header of the message before.
	sent headerTemplate
	got  headerTemplate

	received uint64 // counted frames
	ackedAt  uint64
	unacked  int // bytes since the last ack
	ackBytes int
	messages uint64 // messages that have come

	pong    uint64
	pongDue bool
	ctl     []byte
}

// A headerTemplate is the header of messages of one size. For calls and replies it has the number of a
// call.
type headerTemplate struct {
	bytes   []byte
	size    int // bytes of a message
	id, end int // bytes[id:end] is the number of the call; empty if there is none
}

// setID sets the number of a call. It returns false if the number has another length.
func (h *headerTemplate) setID(id uint64) bool {
	if h.end == h.id {
		return true
	}
	if uvarintSize(id) != h.end-h.id {
		return false
	}
	binary.PutUvarint(h.bytes[h.id:h.end], id)
	return true
}

// hello returns the first frame of a client.
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

// welcomed handles the server's answer to the hello.
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
	// No message follows the welcome before a connection sends one.
	b := make([]byte, 1024)
	n, err := io.ReadAtLeast(nc, b, 2)
	if err != nil {
		return err
	}
	for {
		if _, size, ok, err := wire.Next(b[:n], 0); err != nil {
			return err
		} else if ok {
			if err := c.welcomed(b[:size]); err != nil || size == n {
				return err
			}
			done, err := c.feed(b[size:n], func([]byte) error { return errUnexpected }) // a ping of a server that is busy
			if err == nil && size+done < n {
				err = errUnexpected
			}
			return err
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
	id := uint64(m.seq) + 1
	if m.size != c.sent.size || !c.sent.setID(id) {
		c.sent = c.header(m.size, id)
	}
	return m.append(append(dst, c.sent.bytes...))
}

// header returns the header of the command or call for message id - 1.
func (c *hisockCodec) header(size int, id uint64) headerTemplate {
	kind, idSize := wire.KindCommand, 0
	if c.job == call {
		kind, idSize = wire.KindRequest, uvarintSize(id)
	}
	h := headerTemplate{size: size}
	h.bytes = append(binary.AppendUvarint(nil, uint64(1+idSize+1+len(c.name)+size)), byte(kind))
	h.id = len(h.bytes)
	h.end = h.id + idSize
	h.bytes = append(h.bytes, make([]byte, idSize)...)
	h.setID(id)
	h.bytes = append(append(h.bytes, byte(len(c.name))), c.name...)
	return h
}

func (c *hisockCodec) seal(dst []byte, _ int) []byte { return dst }

func (c *hisockCodec) feed(b []byte, got func([]byte) error) (n int, err error) {
	for n < len(b) {
		if h := &c.got; h.setID(c.messages+1) && h.size > 0 && bytes.HasPrefix(b[n:], h.bytes) {
			start := n + len(h.bytes)
			if start+h.size > len(b) {
				break
			}
			if err := got(b[start : start+h.size]); err != nil {
				return n, err
			}
			c.received++
			c.messages++
			c.unacked += len(h.bytes) + h.size
			n = start + h.size
			continue
		}
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
		if b[n+size] == c.want {
			c.learn(b[n:end], size+1)
		}
		c.unacked += end - n
		n = end
	}
	return n, nil
}

// learn stores the header of a frame. at bytes of it come before the number or the name.
func (c *hisockCodec) learn(frame []byte, at int) {
	h := &c.got
	h.id, h.end = at, at
	n := at + 1 + len(c.name)
	if c.want == byte(wire.KindReply) {
		n = at + uvarintSize(c.messages)
		h.end = n
	}
	h.bytes, h.size = append(h.bytes[:0], frame[:n]...), len(frame)-n
}

func (c *hisockCodec) frame(kind byte, body []byte, got func([]byte) error) error {
	if kind == c.want {
		c.received++
		c.messages++
		if kind == byte(wire.KindReply) {
			id, n := binary.Uvarint(body)
			if n <= 0 || id != c.messages {
				return fmt.Errorf("reply to call %d, not %d", id, c.messages)
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

// ack returns an ack of all received frames, even if none is due.
func (c *hisockCodec) ack() []byte { return wire.AppendAck(nil, c.received) }

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
