//go:build !js

package core

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A step is one operation of a program and its argument.
type step struct{ op, arg byte }

// stepsOf reads bytes as a program. Any bytes are a program, always the same one.
func stepsOf(data []byte, ops int) (mode byte, steps []step) {
	if len(data) == 0 {
		return 0, nil
	}
	mode, data = data[0], data[1:]
	for ; len(data) >= 2 && len(steps) < 60; data = data[2:] {
		steps = append(steps, step{data[0] % byte(ops), data[1]})
	}
	return mode, steps
}

func (s step) String() string { return fmt.Sprintf("%s(%#x)", opNames[s.op], s.arg) }

// programOf is the inverse of stepsOf, for seeds.
func programOf(mode byte, steps ...step) []byte {
	data := []byte{mode}
	for _, s := range steps {
		data = append(data, s.op, s.arg)
	}
	return data
}

// Operations of a client by hand.
const (
	opCommands byte = iota // some commands of some size
	opSlow                 // a command whose handler is slow
	opBulk                 // a command that is more than the inbox holds
	opRaw
	opPart    // half a command; the rest follows with the next frame
	opEcho    // a call that is answered at once
	opWait    // a call that is answered later, beside others
	opBack    // a call whose handler calls back
	opCancel  // gives up an earlier call
	opAnswer  // answers the server's calls
	opMember  // joins or leaves a group
	opRename  // asks for a name
	opRead    // reads all there is; nothing is read without it
	opAck     // acknowledges what has been read
	opPing    // sends a ping
	opPong    // a pong without a ping
	opClose   // the stream breaks off at the client
	opHalf    // the client ends its direction
	opCut     // the stream breaks off at the server
	opReturns // comes back with what it has
	opForgets // comes back with less than it has, and gets the rest again
	opLess    // comes back with less than it has acknowledged
	opMore    // comes back with more than the server has sent
	opGuess   // comes back with frames that it may not have
	opTwo     // comes back over two streams at once
	opForge   // somebody comes with a wrong token
	opAnew    // joins anew and leaves the session behind
	opOld     // comes back to a session that has been left behind
	opTooMany // acknowledges more than there is
	opFewer   // acknowledges less than before
	opBad     // a frame that a client must not send
	opGoodbye

	opSend // the server sends commands
	opBroadcast
	opGroup
	opCall  // the server calls
	opMoves // the server changes the groups or the name of its client
	opEnds  // the server ends the connection
	opSleep

	resumeOps
)

var opNames = [resumeOps]string{
	"commands", "slow", "bulk", "raw", "part", "echo", "wait", "back", "cancel", "answer",
	"member", "rename", "read", "ack", "ping", "pong", "close", "half", "cut", "returns", "forgets",
	"less", "more", "guess", "two", "forge", "anew", "old", "toomany", "fewer", "bad", "goodbye",
	"send", "broadcast", "group", "call", "moves", "ends", "sleep",
}

// Modes of the server, bits.
const (
	modeTight = 1 << iota // little room in the queue
	modeDrop              // frames that do not fit are dropped
	modeOldest
)

const fuzzResumeTime = 10 * time.Second

// FuzzResume runs a program of operations of a client that may lie. While its session lives, an
// honest client has every command handled once and in order, and gets every command once and in
// order, however often it comes back. A lie ends in a typed error or a new session. In the end
// nothing is left.
func FuzzResume(f *testing.F) {
	for _, seed := range resumeSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		mode, steps := stepsOf(data, int(resumeOps))
		opts := &ServerOptions{
			Timeouts: Timeouts{Resume: fuzzResumeTime, Heartbeat: 5 * time.Second}, Limits: Limits{InboxBytes: 1 << 10, MaxConcurrent: 2, MaxCalls: 8, MaxGroups: 4},
		}
		if mode&modeTight != 0 {
			opts.Limits.QueueBytes = 4 << 10
		}
		if mode&modeDrop != 0 {
			opts.Overflow = OverflowDropNewest
			if mode&modeOldest != 0 {
				opts.Overflow = OverflowDropOldest
			}
		}
		t.Logf("mode %d: %v", mode, steps)
		inWorld(t, opts, func(w *world) {
			r := newResumer(w, mode)
			for _, s := range steps {
				r.do(s)
				synctest.Wait()
			}
			r.finish()
		})
	})
}

// resumeSeeds returns programs in which every operation occurs.
func resumeSeeds() (seeds [][]byte) {
	for op := range resumeOps { // each amid traffic, linked and suspended
		for _, mode := range []byte{0, modeTight, modeDrop | modeTight, modeDrop | modeOldest | modeTight} {
			seeds = append(seeds,
				programOf(mode, step{opCommands, 3}, step{opSend, 3}, step{opRead, 0}, step{opAck, 0}, step{opPing, 1},
					step{opRead, 0}, step{op, 1}, step{opSend, 2}, step{opCommands, 2}, step{op, 0}, step{opReturns, 0}),
				programOf(mode, step{opSend, 9}, step{opCommands, 0x44}, step{opPart, 9}, step{opClose, 0}, step{opSend, 2},
					step{op, 1}, step{opReturns, 0}, step{opRead, 0}, step{opEcho, 1}, step{op, 2}, step{opRead, 0}, step{opCut, 0}),
			)
		}
	}
	var slow, flood []step
	for i := range byte(12) { // the inbox is full when the stream breaks off
		slow = append(slow, step{opSlow, i}, step{opBulk, i})
		flood = append(flood, step{opSend, 0xff}, step{opBroadcast, 0x7f}, step{opSleep, 2})
	}
	for _, end := range []byte{opClose, opHalf, opCut, opTwo, opSleep} {
		seeds = append(seeds,
			programOf(0, append(append([]step{}, slow...), step{end, 4}, step{opReturns, 0}, step{opRead, 0}, step{end, 4})...),
			programOf(0, append(append([]step{}, flood...), step{end, 4}, step{opReturns, 0}, step{opRead, 0}, step{opForgets, 9})...),
		)
	}
	waits := slices.Repeat([]step{{opWait, 0x7b}}, 57) // more than may run at once; each answer waits for an ack
	return append(seeds,
		programOf(modeDrop|modeOldest, append(slices.Repeat([]step{{opWait, 6}}, 56), step{opAnew, 6})...), // the reader ends late
		programOf(modeTight, waits...),
		programOf(modeTight, append([]step{{opClose, 0}, {opSend, 0xc7}}, waits...)...),
		programOf(0, append(waits[:30:30], step{opBad, 0})...),
		programOf(0, step{opCut, 0}), // the first step
		programOf(0, step{opCall, 1}, step{opBack, 1}, step{opRead, 0}, step{opClose, 0}, step{opReturns, 0}, step{opAnswer, 0}, step{opRead, 0}),
		programOf(0, step{opSend, 3}, step{opClose, 0}, step{opSleep, 4}, step{opSleep, 4}, step{opReturns, 0}, step{opSend, 3}),
		// A mute link, a full inbox, and answers that wait for room.
		programOf(modeTight|modeDrop|modeOldest, append(append([]step{{opSend, 6}}, slices.Repeat([]step{{opWait, 0x7f}}, 10)...),
			step{opCommands, 0x44}, step{opPart, 9}, step{opClose, 0}, step{opSend, 2}, step{opAnew, 1})...),
		// A client that is suspended when it closes.
		programOf(9, step{opCommands, 0}, step{opSlow, 0xef}, step{opEcho, 0xef}, step{opEcho, 9}, step{opClose, 0}, step{opSend, 0xb7}),
	)
}

// counted returns a payload that begins with n. A greater size%4 is a longer payload.
func counted(n uint32, size byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, n), make([]byte, []int{0, 50, 500, 3000}[size%4])...)
}

func numberIn(payload []byte) uint32 {
	if len(payload) < 4 {
		return math.MaxUint32
	}
	return binary.BigEndian.Uint32(payload)
}

func TestFuzzProgram(t *testing.T) {
	want := []step{{opCommands, 3}, {opEnds, 255}}
	mode, steps := stepsOf(programOf(modeDrop, want...), int(resumeOps))
	require.EqualValues(t, modeDrop, mode)
	require.Equal(t, want, steps)
	_, steps = stepsOf(nil, int(resumeOps))
	require.Empty(t, steps)
	require.Equal(t, uint32(7), numberIn(counted(7, 2)))
}

// badFrames are frames that a client must not send, and the codes with which its server ends the
// connection.
var badFrames = []struct {
	frame []byte
	code  Code
}{
	{[]byte{1, 0x40}, CodeProtocol},
	{[]byte{0}, CodeProtocol},
	{binary.AppendUvarint(nil, 1<<29), CodeTooBig},
	{wire.AppendHello(nil, &wire.Hello{}), CodeProtocol},
	{wire.AppendWelcome(nil, &wire.Welcome{Resumed: true}), CodeProtocol},
	{wire.AppendRefuse(nil, wire.Goodbye{}), CodeProtocol},
	{wire.AppendJoined(nil, &wire.Presence{}), CodeProtocol},
	{wire.AppendFrame(nil, wire.KindAck), CodeProtocol},
	{wire.AppendFrame(nil, wire.KindPing, []byte{0x80}), CodeProtocol},
	{wire.AppendFrame(nil, wire.KindCommand, []byte{9, 'x'}), CodeProtocol},
}
