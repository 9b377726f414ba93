//go:build !js

package core

import (
	"math"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// do runs one step of a program.
func (r *resumer) do(st step) {
	s := r.s
	switch st.op {
	case opCommands, opSlow, opBulk, opRaw, opPart:
		s.speak(st)
	case opEcho, opWait, opBack, opCancel:
		s.callUp(st)
	case opAnswer:
		r.answer()
	case opMember, opRename:
		s.change(st)
	case opRead:
		s.read(time.Microsecond)
	case opAck:
		s.acknowledge()
	case opPing:
		r.id++
		s.ping(r.id)
	case opPong:
		nonce := uint64(st.arg)
		if st.arg%2 == 0 {
			nonce = askNonce // asks for an ack as if all had been acknowledged: the server may keep nothing
			s.lied = true
		}
		s.write(wire.AppendPong(nil, nonce))
	case opClose, opHalf, opCut:
		r.breakOff(st)
	case opReturns, opForgets, opLess, opMore, opGuess, opTwo, opForge, opAnew, opOld:
		r.returns(st)
	case opTooMany, opFewer, opBad, opGoodbye, opEnds:
		r.misbehaves(st)
	default:
		r.serverDoes(st)
	}
}

// speak sends commands or raw messages.
func (s *fuzzSession) speak(st step) {
	count, name, size := 1, "n", st.arg>>4
	switch st.op {
	case opCommands:
		count = int(st.arg%16) + 1
	case opSlow:
		name = "slow"
	case opBulk:
		size = 3
	}
	for range count {
		s.r.number++
		s.numbers = append(s.numbers, s.r.number)
		payload := counted(s.r.number, size)
		frame := wire.AppendCommand(nil, name, payload)
		if st.op == opRaw {
			frame = wire.AppendRaw(nil, payload)
		}
		if st.op != opPart || s.link == nil {
			s.send(frame)
			continue
		}
		s.up = append(s.up, frame)
		if s.begun < len(s.up)-1 { // earlier frames come first
			continue
		}
		s.begun++
		cut := 1 + int(st.arg)%(len(frame)-1)
		s.write(frame[:cut])
		if s.link != nil {
			s.link.out = append(s.link.out, frame[cut:]...)
		}
	}
}

// callUp calls the server, or gives a call up.
func (s *fuzzSession) callUp(st step) {
	if st.op == opCancel {
		id := s.r.id - uint64(st.arg%4)
		if call, ok := s.calls[id]; ok {
			call.canceled = true
			s.calls[id] = call
			s.send(wire.AppendCancel(nil, id))
		}
		return
	}
	s.r.id++
	name := "echo"
	switch st.op {
	case opWait:
		name = "wait"
	case opBack:
		name, s.stuck = "back", true
	}
	s.calls[s.r.id] = fuzzCall{echo: true}
	s.send(wire.AppendRequest(nil, s.r.id, name, counted(uint32(s.r.id), st.arg)))
}

// answer answers the server's calls.
func (r *resumer) answer() {
	asked := r.s.asked
	r.s.asked = nil
	for _, a := range asked {
		r.s.send(a)
	}
}

// change asks for another name, or to join or leave a group. A liar, which is a server, states the
// change instead.
func (s *fuzzSession) change(st step) {
	kind, name := wire.KindRename, strconv.Itoa(int(st.arg&3))
	if st.op == opMember {
		kind = wire.KindJoinGroup
		if st.arg&4 != 0 {
			kind = wire.KindLeaveGroup
		}
	}
	if !s.conn.server {
		s.send(wire.AppendName(nil, kind, name))
		return
	}
	if st.arg&0x70 == 0x70 {
		name = "\n" // not a valid name
	}
	ask := map[wire.Kind]wire.Kind{
		wire.KindRename: wire.KindAskRename, wire.KindJoinGroup: wire.KindAskJoin, wire.KindLeaveGroup: wire.KindAskLeave,
	}
	s.r.id++
	s.calls[s.r.id] = fuzzCall{}
	s.send(wire.AppendAsk(nil, ask[kind], s.r.id, name))
}

// breakOff lets the stream break off.
func (r *resumer) breakOff(st step) {
	s := r.s
	switch st.op {
	case opCut:
		s.conn.breakOff()
		s.cut = true
		return
	case opHalf:
		if s.link != nil {
			s.link.stream.CloseWrite() //nolint:errcheck // it may be over
			s.link.out = nil
			if st.arg%2 == 0 {
				s.read(time.Second)
			}
		}
	}
	if s.link != nil {
		s.lose()
	}
}

// returns lets the client come back, or somebody who pretends to be the client.
func (r *resumer) returns(st step) {
	s := r.s
	total := int(s.conn.Stats().Sent)
	switch st.op {
	case opReturns:
		r.comeBack(1, s.at, true, !s.blind)
	case opForgets:
		if !r.drops { // with drops, repeated frames may differ
			r.comeBack(1, s.told+(s.at-s.told)*int(st.arg)/256, true, !s.blind)
		}
	case opTwo:
		r.comeBack(2+int(st.arg%3), s.at, true, !s.blind)
	case opLess:
		if s.sure > 0 {
			s.lied = true
			r.comeBack(1, s.sure-1, false, false)
		}
	case opMore:
		more := total + 1 + int(st.arg)
		if !s.conn.Suspended() {
			more += 100 // it may still answer: the answers count as written
		}
		if st.arg >= 0xf0 {
			more = math.MaxInt - int(st.arg)
		}
		s.lied = true
		r.comeBack(1, more, false, false)
	case opGuess:
		if s.at < total {
			s.lied = true
			r.comeBack(1, s.at+1+int(st.arg)%(total-s.at), true, false)
		}
	case opAnew:
		if s.link != nil {
			s.lose()
		}
		r.anew()
	case opOld:
		if old := r.all[int(st.arg)%len(r.all)]; old != s && old.conn.isEnded() {
			r.stranger(r.helloOf(old, uint64(old.at)), st.arg >= 0x80)
		}
	case opForge:
		h := r.helloOf(s, uint64(s.at))
		switch st.arg % 5 {
		case 0:
			h.Token = append([]byte(nil), s.tok...)
			h.Token[int(st.arg>>4)] ^= 1 << (st.arg & 7)
		case 1:
			h.Token = s.tok[:8]
		case 2:
			h.Session = session.MakeID(0, uint64(st.arg)+1<<20)
		case 3:
			h.Session = append(append([]byte(nil), s.id...), 0)
		case 4:
			h.Token, h.Session = s.id, s.tok
		}
		r.stranger(h, st.arg >= 0x80)
	}
}

// misbehaves lets one side end the session. Another session begins after that.
func (r *resumer) misbehaves(st step) {
	if r.s.ended(st) {
		r.anew()
	}
}

// ended ends the session in the way that a step says, and reports whether it could.
func (s *fuzzSession) ended(st step) bool {
	switch st.op {
	case opTooMany:
		return s.ends(CodeProtocol, true, func() {
			// Beyond anything that the server will have written when it reads the ack: answers may
			// still wait for a slow handler.
			s.write(wire.AppendAck(nil, s.conn.Stats().Sent+100+uint64(st.arg)<<(st.arg%50)))
		})
	case opFewer:
		return s.sure > 0 && s.ends(CodeProtocol, true, func() { s.write(wire.AppendAck(nil, uint64(s.sure-1))) })
	case opBad:
		bad := badFrames[int(st.arg)%len(badFrames)]
		send := s.write
		if len(bad.frame) > 2 && wire.Kind(bad.frame[1]).Counted() {
			send = s.send // all is sent: it may be acknowledged before the fault is found
		}
		return s.ends(bad.code, true, func() { send(bad.frame) })
	case opGoodbye:
		return s.ends(CodeUnauthorized, false, func() { s.write(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeUnauthorized})) })
	default: // the server's own end
		code := CodeApplication + Code(st.arg)
		return s.ends(code, true, func() { s.conn.CloseWith(NewError(code, "enough")) })
	}
}

// serverDoes runs one step of the server's program.
func (r *resumer) serverDoes(st step) {
	c := r.s.conn
	switch st.op {
	case opSend:
		r.send(st.arg, func(payload []byte) error { return c.SendBytes("n", payload) })
	case opBroadcast:
		r.send(st.arg, func(payload []byte) error { return r.srv.All().SendBytes("n", payload) })
	case opGroup:
		if r.s.size += 1100; !r.tight && r.s.size > 600<<10 {
			return // the server would not keep more
		}
		require.NoError(r.t, r.srv.Group(strconv.Itoa(int(st.arg&3))).SendBytes("g", make([]byte, 1000)))
	case opCall:
		r.call(st.arg)
	case opMoves:
		r.moves(st.arg)
	case opSleep:
		time.Sleep([]time.Duration{
			time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 6 * time.Second, fuzzResumeTime + time.Second,
		}[st.arg%6])
	}
}
