package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// frame returns a frame of a server, not masked.
func frame(op byte, fin bool, payload []byte) []byte {
	b := appendFrameHeader(nil, op, len(payload))
	b = b[:len(b)-len(maskKey)]
	b[1] &^= maskBit
	if !fin {
		b[0] &^= finBit
	}
	return append(b, payload...)
}

// unmask returns the payload of a frame of a client.
func unmask(t *testing.T, b []byte) (op byte, payload, rest []byte) {
	t.Helper()
	require.NotZero(t, b[1]&maskBit)
	clear := bytes.Clone(b)
	clear[1] &^= maskBit
	h, err := parseHeader(clear)
	require.NoError(t, err)
	require.NotZero(t, h.size)
	start := h.size + len(maskKey)
	require.Equal(t, maskKey[:], b[h.size:start])
	payload = bytes.Clone(b[start : start+h.length])
	mask(payload)
	return h.op, payload, b[start+h.length:]
}

// serverBytes are bytes of servers: two messages, with control frames between them that need an
// answer.
func serverBytes() map[string]struct {
	codec codec
	bytes []byte
	want  []byte // what control returns after them
} {
	a, b := message{7, 0, 100}.append(nil), message{7, 1, 300}.append(nil)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	hisock := func() *hisockCodec {
		return &hisockCodec{name: echoCommand, want: byte(wire.KindCommand), ackBytes: 1 << 20}
	}
	frames := join(wire.AppendCommand(nil, echoCommand, a), wire.AppendPing(nil, 9),
		wire.AppendAck(nil, 1), wire.AppendCommand(nil, echoCommand, b))
	answer := wire.AppendPong(wire.AppendAck(nil, 2), 9)

	reply := func(id uint64, data []byte) []byte { // a reply, encoded like a command
		return appendCommand(nil, id, cfRPC, cfData, string(data))
	}
	centrifuge := &centrifugeCodec{}
	centrifuge.whole = centrifuge.message
	socketIO := &socketIOCodec{prefix: `42["echo","`}
	socketIO.whole = socketIO.packet
	event := func(data []byte) []byte { return frame(opText, true, fmt.Appendf(nil, `42["echo",%q]`, data)) }

	return map[string]struct {
		codec codec
		bytes []byte
		want  []byte
	}{
		"floor": {
			codec: floorCodec{},
			bytes: join(binary.BigEndian.AppendUint32(nil, 100), a, binary.BigEndian.AppendUint32(nil, 300), b),
		},
		"hisock over tcp": {codec: hisock(), bytes: frames, want: answer},
		"hisock over ws": {
			codec: &hisockWSCodec{hisock: *hisock()},
			bytes: join(frame(opBinary, true, frames[:50]), frame(opPing, true, []byte("x")),
				frame(opBinary, false, frames[50:150]), frame(opContinue, true, frames[150:])),
			want: join(appendFrame(nil, opPong, 'x'), appendFrame(nil, opBinary, answer...)),
		},
		"websocket": {
			codec: &wsCodec{},
			bytes: join(frame(opBinary, true, a), frame(opPing, true, []byte("x")),
				frame(opBinary, false, b[:20]), frame(opContinue, false, b[20:30]), frame(opContinue, true, b[30:])),
			want: appendFrame(nil, opPong, 'x'),
		},
		"nats": {
			codec: &natsCodec{},
			bytes: join([]byte("MSG e.1 1 100\r\n"), a, []byte("\r\nPING\r\nMSG e.1 1 300\r\n"), b, []byte("\r\n")),
			want:  []byte("PONG\r\n"),
		},
		"centrifuge": {
			codec: centrifuge,
			bytes: join(frame(opBinary, true, join(reply(3, a), []byte{0}, reply(4, b)))),
			want:  appendFrame(nil, opBinary, 0),
		},
		"socket.io": {
			codec: socketIO,
			bytes: join(event(a), frame(opText, true, []byte("2")), event(b)),
			want:  appendFrame(nil, opText, '3'),
		},
	}
}

func TestFeedInPieces(t *testing.T) {
	for _, piece := range []int{1, 7, 1 << 20} {
		for name, tc := range serverBytes() {
			t.Run(fmt.Sprintf("%s in pieces of %d", name, piece), func(t *testing.T) {
				seq := uint32(0)
				got := func(payload []byte) error {
					m := message{7, seq, []int{100, 300}[seq]}
					seq++
					return m.check(payload)
				}
				var waiting []byte
				for rest := tc.bytes; len(rest) > 0; {
					n := min(piece, len(rest))
					waiting = append(waiting, rest[:n]...)
					rest = rest[n:]
					done, err := tc.codec.feed(waiting, got)
					require.NoError(t, err)
					waiting = waiting[done:]
				}
				require.Empty(t, waiting)
				require.EqualValues(t, 2, seq)
				require.Equal(t, string(tc.want), string(tc.codec.control(true)))
				require.Empty(t, tc.codec.control(true), "said twice")
			})
		}
	}
}

func TestFeedRefuses(t *testing.T) {
	goodbye := wire.AppendGoodbye(nil, wire.Goodbye{Code: 1, Reason: "tired"})
	tests := map[string]struct {
		codec codec
		bytes []byte
		want  string
	}{
		"floor: too long":           {floorCodec{}, []byte{0xff, 0, 0, 0}, "bytes"},
		"hisock: goodbye":           {&hisockCodec{}, goodbye, "tired"},
		"hisock: another command":   {&hisockCodec{name: "echo", want: 0x10}, wire.AppendCommand(nil, "ecco", nil), "command"},
		"hisock: another call":      {&hisockCodec{want: 0x13}, wire.AppendReply(nil, 2, nil), "reply to call 2"},
		"hisock: length 0":          {&hisockCodec{}, []byte{0}, "frame of 0"},
		"websocket: close":          {&wsCodec{}, frame(opClose, true, []byte{3, 0xe8, 'x'}), "code 1000, x"},
		"websocket: masked":         {&wsCodec{}, appendFrame(nil, opBinary), "header"},
		"websocket: continues none": {&wsCodec{}, frame(opContinue, true, nil), "wrong place"},
		"websocket: too long":       {&wsCodec{}, []byte{finBit | opBinary, 127, 1, 0, 0, 0, 0, 0, 0, 0}, "bytes"},
		"nats: error":               {&natsCodec{}, []byte("-ERR 'no'\r\n"), "-ERR"},
		"nats: size":                {&natsCodec{}, []byte("MSG e 1 1x\r\n"), "line"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tc.codec.feed(tc.bytes, func([]byte) error { return nil })
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// Once the header of a message is known, messages with another header are told apart by any byte of
// it.
func TestHisockHeaders(t *testing.T) {
	command := func(name, payload string) []byte { return wire.AppendCommand(nil, name, []byte(payload)) }
	reply := func(id uint64, payload string) []byte { return wire.AppendReply(nil, id, []byte(payload)) }
	tests := map[string]struct {
		call   bool
		before uint64 // messages that came before
		frames [][]byte
		got    string
		want   string // part of the error; empty for none
	}{
		"commands":                  {frames: [][]byte{command("echo", "aa"), command("echo", "bb"), command("echo", "cc")}, got: "aa bb cc"},
		"commands of other sizes":   {frames: [][]byte{command("echo", "aa"), command("echo", "b"), command("echo", "ccc")}, got: "aa b ccc"},
		"a ping between":            {frames: [][]byte{command("echo", "aa"), wire.AppendPing(nil, 1), command("echo", "bb")}, got: "aa bb"},
		"another name as long":      {frames: [][]byte{command("echo", "aa"), command("ecco", "bb")}, got: "aa", want: "command"},
		"another kind":              {frames: [][]byte{command("echo", "aa"), reply(2, "bb")}, got: "aa", want: "frame of"},
		"replies":                   {call: true, frames: [][]byte{reply(1, "aa"), reply(2, "bb"), reply(3, "c")}, got: "aa bb c"},
		"a number becomes longer":   {call: true, before: 126, frames: [][]byte{reply(127, "aa"), reply(128, "bb"), reply(129, "cc")}, got: "aa bb cc"},
		"a reply comes twice":       {call: true, frames: [][]byte{reply(1, "aa"), reply(1, "aa")}, got: "aa", want: "reply to call 1, not 2"},
		"a reply is left out":       {call: true, frames: [][]byte{reply(1, "aa"), reply(3, "cc")}, got: "aa", want: "reply to call 3, not 2"},
		"the next reply is shorter": {call: true, frames: [][]byte{reply(1, "aa"), reply(2, "b")}, got: "aa b"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := &hisockCodec{name: echoCommand, want: byte(wire.KindCommand), messages: tc.before}
			if tc.call {
				c.want = byte(wire.KindReply)
			}
			var got []string
			b := bytes.Join(tc.frames, nil)
			n, err := c.feed(b, func(payload []byte) error {
				got = append(got, string(payload))
				return nil
			})
			require.Equal(t, tc.got, strings.Join(got, " "))
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, len(b), n)
			require.Equal(t, tc.before+uint64(len(got)), c.messages)
		})
	}
}

func TestHisockAppends(t *testing.T) {
	commands := &hisockCodec{job: echo, name: echoCommand}
	calls := &hisockCodec{job: call, name: echoCommand}
	for _, m := range []message{{1, 0, 64}, {1, 1, 64}, {1, 126, 64}, {1, 127, 64}, {1, 128, 64}, {1, 129, 100}, {1, 130, 64}} {
		payload := m.append(nil)
		require.Equal(t, wire.AppendCommand([]byte("x"), echoCommand, payload), commands.append([]byte("x"), m))
		require.Equal(t, wire.AppendRequest([]byte("x"), uint64(m.seq)+1, echoCommand, payload), calls.append([]byte("x"), m))
	}
}

func TestBatchIsOneMessage(t *testing.T) {
	for _, size := range []int{12, 100, 1000, 60_000, MaxSize} {
		c := &hisockWSCodec{hisock: hisockCodec{name: echoCommand}}
		before := []byte("what was there before")
		b := c.begin(bytes.Clone(before))
		b = c.append(b, message{1, 2, size})
		b = c.append(b, message{1, 3, size})
		b = c.seal(b, len(before))
		require.Equal(t, before, b[:len(before)])
		op, payload, rest := unmask(t, b[len(before):])
		require.EqualValues(t, opBinary, op)
		require.Empty(t, rest)
		want := wire.AppendCommand(nil, echoCommand, message{1, 2, size}.append(nil))
		want = wire.AppendCommand(want, echoCommand, message{1, 3, size}.append(nil))
		require.True(t, bytes.Equal(want, payload), "size %d", size)
	}
}

func TestAcksAsAClientDoes(t *testing.T) {
	frames := func(n, size int) []byte {
		var b []byte
		for range n {
			b = wire.AppendCommand(b, echoCommand, make([]byte, size))
		}
		return b
	}
	tests := map[string]struct {
		n, size     int
		alone, more bool // an ack is due alone, and with messages
	}{
		"few frames":             {n: 127, size: 10},
		"many small frames":      {n: 128, size: 10, more: true},
		"many frames with bytes": {n: 128, size: 600, alone: true, more: true},
		"as the server asks":     {n: 4, size: 60_000, alone: true, more: true},
	}
	for name, tc := range tests {
		for _, more := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", more), func(t *testing.T) {
				c := &hisockCodec{name: echoCommand, want: byte(wire.KindCommand), ackBytes: 200_000}
				_, err := c.feed(frames(tc.n, tc.size), func([]byte) error { return nil })
				require.NoError(t, err)
				var want []byte
				if tc.alone || more && tc.more {
					want = wire.AppendAck(nil, uint64(tc.n))
				}
				require.Equal(t, string(want), string(c.control(more)))
			})
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, tc := range serverBytes() {
		t.Run(name, func(t *testing.T) {
			got := func([]byte) error { return nil }
			m := message{7, 0, 100}
			out := make([]byte, 0, 4<<10)
			allocs := testing.AllocsPerRun(100, func() {
				out = tc.codec.seal(tc.codec.append(tc.codec.begin(out[:0]), m), 0)
				if c, ok := tc.codec.(*centrifugeCodec); ok {
					c.replies = 0
				}
				if _, err := tc.codec.feed(tc.bytes, got); err != nil {
					panic(err)
				}
				tc.codec.control(true)
			})
			require.Zero(t, allocs)
		})
	}
	m := message{7, 5, 100}
	payload := m.append(nil)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := m.check(payload); err != nil {
			panic(err)
		}
	}))
}
