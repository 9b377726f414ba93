package natsrelay

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A block is one message of NATS in the stream of a history: some messages to a group, one after the other. Its form:
//
//	1 byte     the version
//	1 byte     flags: blockForgot
//	8 bytes    the epoch, big-endian
//	uvarint    the number of the first message
//	uvarint    if blockForgot is set: the number before which all messages were dropped with Forget
//	uvarint    how many messages follow; for each its length as a uvarint, and its bytes
//
// The first block of a log has no messages, or is an ordinary block with the number 1.
type block struct {
	epoch     uint64
	first     uint64
	forgotten uint64 // the messages before this number were dropped with Forget; each block says it again
	messages  [][]byte
}

const (
	blockVersion  = 1
	blockForgot   = 1
	blockMost     = 256                                                        // messages
	blockBytes    = 64 << 10                                                   // of messages, unless the first is larger
	blockHead     = 2 + 8 + 3*binary.MaxVarintLen64                            // the most, in bytes
	blockOverhead = blockHead + binary.MaxVarintLen64*blockMost + blockHeaders // beside the messages
	blockHeaders  = 512                                                        // room for the headers of NATS
	spareBlocks   = 8                                                          // blocks of a group that are kept beside its messages, for blocks without messages
	maxNumber     = math.MaxUint64 / 4
)

func (b *block) next() uint64 { return b.first + uint64(len(b.messages)) }

func (b *block) encode() []byte {
	size := blockHead
	for _, m := range b.messages {
		size += binary.MaxVarintLen64 + len(m)
	}
	flags := byte(0)
	if b.forgotten > 0 {
		flags = blockForgot
	}
	data := append(make([]byte, 0, size), blockVersion, flags)
	data = binary.BigEndian.AppendUint64(data, b.epoch)
	data = binary.AppendUvarint(data, b.first)
	if b.forgotten > 0 {
		data = binary.AppendUvarint(data, b.forgotten)
	}
	data = binary.AppendUvarint(data, uint64(len(b.messages)))
	for _, m := range b.messages {
		data = binary.AppendUvarint(data, uint64(len(m)))
		data = append(data, m...)
	}
	return data
}

// parseBlock reads a block. Its messages alias data. It reports false if no server can have written it.
func parseBlock(data []byte) (b block, ok bool) {
	if len(data) < 10 || data[0] != blockVersion || data[1]&^blockForgot != 0 {
		return b, false
	}
	forgot := data[1]&blockForgot != 0
	b.epoch = binary.BigEndian.Uint64(data[2:])
	data = data[10:]
	take := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			ok, data = false, nil
			return 0
		}
		data = data[n:]
		return v
	}
	ok = true
	b.first = take()
	if forgot {
		b.forgotten = take()
	}
	n := take()
	if !ok || b.epoch == 0 || b.first == 0 || b.first > maxNumber || b.forgotten > b.first || forgot && b.forgotten == 0 || n > blockMost || n > uint64(len(data)) {
		return block{}, false
	}
	if n > 0 {
		b.messages = make([][]byte, 0, n)
	}
	for range n {
		size := take()
		if !ok || size > uint64(len(data)) {
			return block{}, false
		}
		b.messages = append(b.messages, data[:size:size])
		data = data[size:]
	}
	return b, len(data) == 0
}

// sequenceOf returns the sequence of a message that NATS tells of, or 0. NATS puts its own headers behind the publisher's.
func sequenceOf(h nats.Header) uint64 {
	values := h[jetstream.SequenceHeader]
	if len(values) == 0 {
		return 0
	}
	seq, _ := strconv.ParseUint(values[len(values)-1], 10, 64)
	return seq
}
