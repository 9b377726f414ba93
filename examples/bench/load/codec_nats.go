package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// A natsCodec speaks the text protocol of NATS. A connection for echoes subscribes to a subject of its
// own, and publishes to that subject.
type natsCodec struct {
	subject string // subject of an echo
	pongs   int    // pongs that must be written
	out     []byte
}

const crlf = "\r\n"

func (c *natsCodec) open(nc net.Conn, r role) error {
	hello := `CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":0}` + crlf
	switch r.job {
	case receive:
		hello += "SUB g." + groupName(r.group) + " 1" + crlf
	case echo, call:
		c.subject = "e." + strings.NewReplacer(".", "_", ":", "_").Replace(nc.LocalAddr().String())
		hello += "SUB " + c.subject + " 1" + crlf
	}
	if _, err := io.WriteString(nc, hello+"PING"+crlf); err != nil {
		return err
	}
	return c.greet(nc)
}

// greet reads up to the server's answer to the first PING, and up to the end of the last line that came
// with the answer. That line may be a PING of the server.
func (c *natsCodec) greet(nc net.Conn) error {
	var b []byte
	for answered := false; ; {
		line, rest, ok := bytes.Cut(b, []byte(crlf))
		if !ok {
			if answered && len(b) == 0 {
				_, err := nc.Write(c.control(false))
				return err
			}
			more := make([]byte, 4<<10)
			n, err := nc.Read(more)
			if err != nil {
				return fmt.Errorf("after %.80q: %w", b, err)
			}
			b = append(b, more[:n]...)
			continue
		}
		b = rest
		answered = answered || string(line) == "PONG"
		if err := c.line(line); err != nil {
			return err
		}
	}
}

// line handles a line that is no message.
func (c *natsCodec) line(line []byte) error {
	switch {
	case string(line) == "PING":
		c.pongs++
	case string(line) == "PONG", bytes.HasPrefix(line, []byte("INFO ")):
	default:
		return fmt.Errorf("server said %.80q", line)
	}
	return nil
}

func (c *natsCodec) begin(dst []byte) []byte { return dst }

func (c *natsCodec) append(dst []byte, m message) []byte {
	dst = append(dst, "PUB "...)
	if c.subject != "" {
		dst = append(dst, c.subject...)
	} else {
		h := m.header()
		dst = append(append(dst, "g."...), h[:4]...)
	}
	dst = strconv.AppendInt(append(dst, ' '), int64(m.size), 10)
	dst = m.append(append(dst, crlf...))
	return append(dst, crlf...)
}

func (c *natsCodec) seal(dst []byte, _ int) []byte { return dst }

func (c *natsCodec) feed(b []byte, got func([]byte) error) (n int, err error) {
	for {
		line, _, ok := bytes.Cut(b[n:], []byte(crlf))
		if !ok {
			if len(b)-n > 4<<10 {
				return n, fmt.Errorf("a long line: %.20q", b[n:])
			}
			return n, nil
		}
		next := n + len(line) + len(crlf)
		if bytes.HasPrefix(line, []byte("MSG ")) {
			size, err := natsSize(line)
			if err != nil {
				return n, err
			}
			end := next + size
			if end+len(crlf) > len(b) {
				return n, nil
			}
			if err := got(b[next:end]); err != nil {
				return n, err
			}
			next = end + len(crlf)
		} else if err := c.line(line); err != nil {
			return n, err
		}
		n = next
	}
}

// natsSize parses the number at the end of a line.
func natsSize(line []byte) (size int, err error) {
	for _, d := range line[bytes.LastIndexByte(line, ' ')+1:] {
		if size = 10*size + int(d-'0'); d < '0' || d > '9' || size > MaxSize {
			return 0, fmt.Errorf("line %q", line)
		}
	}
	return size, nil
}

func (c *natsCodec) control(bool) []byte {
	c.out = c.out[:0]
	for ; c.pongs > 0; c.pongs-- {
		c.out = append(c.out, "PONG"+crlf...)
	}
	return c.out
}
