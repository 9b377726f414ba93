package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// A centrifugeCodec speaks the Protobuf protocol of centrifuge over WebSocket: commands in one direction, replies
// in the other, several in a message, each with its length before it. An echo is an RPC. A message to a
// group is sent without an answer, and the server publishes it to a channel with the name of the group.
type centrifugeCodec struct {
	frames  wsFrames
	job     job
	replies uint64 // replies to RPCs so far
	pongs   int    // pongs that must be written
	out     []byte

	got func([]byte) error // argument of feed
	// whole is c.message, bound once.
	whole func([]byte) error
}

// Numbers of fields in client.proto of centrifugal/protocol.
const (
	cfID        = 1  // of Command and Reply
	cfError     = 2  // of Reply
	cfConnect   = 4  // of Command
	cfPush      = 4  // of Reply
	cfSubscribe = 5  // of Command
	cfSend      = 12 // of Command
	cfRPC       = 13 // of Command and Reply
	cfPub       = 4  // of Push
	cfPubData   = 4  // of Publication
	cfData      = 1  // of SendRequest, RPCRequest and RPCResult
	cfChannel   = 1  // of SubscribeRequest
)

// Wire types of Protobuf.
const (
	pbVarint = 0
	pbBytes  = 2
)

func pbKey(field, wireType int) byte { return byte(field<<3 | wireType) }

// appendCommand appends a command with one request. body is the only field of the request; it may be
// empty.
func appendCommand(dst []byte, id uint64, request, field int, body string) []byte {
	var inner, command []byte
	if body != "" {
		inner = append(binary.AppendUvarint([]byte{pbKey(field, pbBytes)}, uint64(len(body))), body...)
	}
	command = binary.AppendUvarint([]byte{pbKey(cfID, pbVarint)}, id)
	command = append(binary.AppendUvarint(append(command, pbKey(request, pbBytes)), uint64(len(inner))), inner...)
	return append(binary.AppendUvarint(dst, uint64(len(command))), command...)
}

func (c *centrifugeCodec) open(nc net.Conn, r role) error {
	c.job, c.whole = r.job, c.message
	o, err := upgrade(nc, "/?cf_protocol=protobuf")
	if err != nil {
		return err
	}
	commands := [][]byte{appendCommand(nil, 1, cfConnect, 0, "")}
	if r.job == receive {
		commands = append(commands, appendCommand(nil, 2, cfSubscribe, cfChannel, groupName(r.group)))
	}
	for _, command := range commands {
		if err := o.write(opBinary, command); err != nil {
			return err
		}
		answer, err := o.next()
		if err != nil {
			return err
		}
		_, n := binary.Uvarint(answer)
		if reply := answer[max(n, 0):]; len(reply) == 0 || pbField(reply, cfError) != nil {
			return fmt.Errorf("server answered %q", answer)
		}
	}
	return o.done()
}

func (c *centrifugeCodec) begin(dst []byte) []byte { return append(dst, masks[:batchHeader]...) }

func (c *centrifugeCodec) append(dst []byte, m message) []byte {
	// A request has one field, the data. A command has its number, if there is one, and the request.
	data := 1 + uvarintSize(uint64(m.size)) + m.size
	length := 1 + uvarintSize(uint64(data)) + data
	if c.job == send {
		dst = append(binary.AppendUvarint(dst, uint64(length)), pbKey(cfSend, pbBytes))
	} else {
		id := uint64(m.seq) + firstRPC
		length += 1 + uvarintSize(id)
		dst = append(binary.AppendUvarint(dst, uint64(length)), pbKey(cfID, pbVarint))
		dst = append(binary.AppendUvarint(dst, id), pbKey(cfRPC, pbBytes))
	}
	dst = append(binary.AppendUvarint(dst, uint64(data)), pbKey(cfData, pbBytes))
	return m.append(binary.AppendUvarint(dst, uint64(m.size)))
}

// firstRPC is the number of the first RPC. The handshake has used the numbers before.
const firstRPC = 3

func (c *centrifugeCodec) seal(dst []byte, start int) []byte { return sealBatch(dst, start) }

func (c *centrifugeCodec) feed(b []byte, got func([]byte) error) (int, error) {
	c.got = got
	return c.frames.feed(b, c.whole)
}

// message handles a WebSocket message.
func (c *centrifugeCodec) message(b []byte) error {
	for len(b) > 0 {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return errors.New("a message with part of a reply")
		}
		reply := b[n : n+int(length)]
		b = b[n+int(length):]
		if len(reply) == 0 {
			c.pongs++
			continue
		}
		if err := c.reply(reply); err != nil {
			return err
		}
	}
	return nil
}

func (c *centrifugeCodec) reply(b []byte) error {
	if result := pbField(b, cfRPC); result != nil {
		if id, n := binary.Uvarint(b[1:]); n <= 0 || b[0] != pbKey(cfID, pbVarint) || id != c.replies+firstRPC {
			return fmt.Errorf("reply %.12q to RPC %d", b, c.replies+firstRPC)
		}
		c.replies++
		return c.got(pbField(result, cfData))
	}
	if push := pbField(b, cfPush); push != nil {
		if pub := pbField(push, cfPub); pub != nil {
			return c.got(pbField(pub, cfPubData))
		}
	}
	return fmt.Errorf("reply %.80q", b)
}

// pbField returns the value of a field of bytes, or nil if there is none.
func pbField(b []byte, field int) []byte {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return nil
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil
		}
		b = b[n:]
		switch key & 7 {
		case pbVarint:
		case pbBytes:
			if v > uint64(len(b)) {
				return nil
			}
			if key>>3 == uint64(field) {
				return b[:v:v]
			}
			b = b[v:]
		default:
			return nil
		}
	}
	return nil
}

func (c *centrifugeCodec) control(bool) []byte {
	c.out = append(c.out[:0], c.frames.control()...)
	for ; c.pongs > 0; c.pongs-- {
		c.out = appendFrame(c.out, opBinary, 0) // an empty command
	}
	return c.out
}
