package load

import (
	"bytes"
	"fmt"
	"net"
	"strings"
)

// A socketIOCodec speaks Socket.IO, protocol 5, over the WebSocket transport of Engine.IO, protocol 4.
// A message is an event with one text, in a text message. The letters of messages need no escape in
// JSON.
type socketIOCodec struct {
	frames wsFrames
	prefix string // start of a packet with a message
	pongs  int    // pongs that must be written
	out    []byte

	got   func([]byte) error // argument of feed
	whole func([]byte) error // c.packet, bound once
}

// Types of packets: the first letter is Engine.IO's, the second Socket.IO's.
const (
	ioOpen    = "0"
	ioPing    = "2"
	ioPong    = "3"
	ioConnect = "40"
	ioEvent   = "42"
)

func (c *socketIOCodec) open(nc net.Conn, r role) error {
	c.whole = c.packet
	event := echoCommand
	if r.job == send || r.job == receive {
		event = sendCommand
	}
	c.prefix = ioEvent + `["` + event + `","`
	o, err := upgrade(nc, "/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		return err
	}
	steps := []struct{ say, want string }{{"", ioOpen}, {ioConnect, ioConnect}}
	if r.job == receive {
		steps = append(steps, struct{ say, want string }{
			ioEvent + `["join","` + groupName(r.group) + `"]`, ioEvent + `["` + ready + `"]`,
		})
	}
	for _, step := range steps {
		if step.say != "" {
			if err := o.write(opText, []byte(step.say)); err != nil {
				return err
			}
		}
		answer, err := o.next()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(answer), step.want) {
			return fmt.Errorf("server answered %q to %q", answer, step.say)
		}
	}
	return o.done()
}

func (c *socketIOCodec) begin(dst []byte) []byte { return dst }

const ioSuffix = `"]`

func (c *socketIOCodec) append(dst []byte, m message) []byte {
	dst = appendFrameHeader(dst, opText, len(c.prefix)+m.size+len(ioSuffix))
	start := len(dst)
	dst = append(m.append(append(dst, c.prefix...)), ioSuffix...)
	mask(dst[start:])
	return dst
}

func (c *socketIOCodec) seal(dst []byte, _ int) []byte { return dst }

func (c *socketIOCodec) feed(b []byte, got func([]byte) error) (int, error) {
	c.got = got
	return c.frames.feed(b, c.whole)
}

func (c *socketIOCodec) packet(b []byte) error {
	if payload, ok := bytes.CutPrefix(b, []byte(c.prefix)); ok {
		if payload, ok := bytes.CutSuffix(payload, []byte(ioSuffix)); ok {
			return c.got(payload)
		}
	}
	if string(b) == ioPing {
		c.pongs++
		return nil
	}
	return fmt.Errorf("packet %.80q", b)
}

func (c *socketIOCodec) control(bool) []byte {
	c.out = append(c.out[:0], c.frames.control()...)
	for ; c.pongs > 0; c.pongs-- {
		c.out = appendFrame(c.out, opText, []byte(ioPong)...)
	}
	return c.out
}
