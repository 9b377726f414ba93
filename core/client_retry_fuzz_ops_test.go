//go:build !js

package core

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// do runs one step of a program. If the session has ended, do first waits for the client and
// welcomes it to a new session.
func (l *liar) do(st step) {
	if done := l.s == nil || l.s.conn.isEnded(); done {
		select {
		case <-l.cl.Done():
			l.connect()
		default:
		}
	}
	switch st.op {
	case opReturns, opForgets, opLess, opMore, opTwo, opAnew, opOld, opForge, opGuess:
		l.welcomes(st)
		return
	case opSleep:
		time.Sleep([]time.Duration{
			time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 6 * time.Second, 20 * time.Second,
		}[st.arg%6])
		return
	}
	s := l.s
	if s == nil || s.conn.isEnded() {
		l.meet(func(*wire.Hello) []byte { return l.welcome(false, 0) })
		return
	}
	switch st.op {
	case opTooMany, opFewer, opGoodbye, opBad, opEnds:
		if st.op != opBad || !presence(st.arg) {
			s.ended(st)
		}
	case opSend, opBroadcast:
		l.clientSends(st.arg)
	case opCall:
		l.call(st.arg)
	case opMoves, opGroup:
		l.clientMoves(st.arg)
	case opMember, opRename:
		s.change(st)
	case opClose, opHalf, opCut:
		l.breakOff(st)
	default:
		l.resumer.do(st)
	}
}

// presence reports whether a server may send the bad frame with that number.
func presence(arg byte) bool {
	frame := badFrames[int(arg)%len(badFrames)].frame
	return len(frame) > 1 && wire.Kind(frame[1]) == wire.KindJoined
}

// welcomes answers the client's hello, if it comes, in one way or another.
func (l *liar) welcomes(st step) {
	s := l.s
	if s == nil || s.conn.isEnded() {
		s = nil
	}
	switch st.op {
	case opReturns, opTwo:
		if s != nil {
			l.resumes(s.at, false)
			return
		}
	case opForgets:
		if s != nil {
			l.resumes(s.told+(s.at-s.told)*int(st.arg)/256, false)
			return
		}
	case opLess:
		if s != nil && s.sure > 0 {
			l.resumes(s.sure-1, true)
			return
		}
	case opMore, opGuess:
		if s != nil {
			more := 1
			if !s.conn.Suspended() {
				more = 100 // it may still answer, which counts as written
			}
			l.resumes(int(s.conn.Stats().Sent)+more+int(st.arg)<<(st.arg%40), true)
			return
		}
	case opForge:
		switch {
		case s != nil && s.link != nil:
		case st.arg&0x10 == 0:
			l.refuses(st.arg)
		default: // no welcome
			bad := badFrames[int(st.arg)%len(badFrames)].frame
			if l.says(bad) {
				bad = wire.AppendAck(nil, 1)
			}
			l.meet(func(*wire.Hello) []byte { return bad })
		}
		return
	}
	if s != nil && s.link != nil {
		s.lose()
		time.Sleep(time.Millisecond)
	}
	if l.meet(func(*wire.Hello) []byte { return l.welcome(false, 0) }) && s != nil && s != l.s {
		require.True(l.t, s.conn.isEnded())
	}
}

// resumes goes on with the session of a client that comes back. It claims to have received the
// given number of frames, which is a lie or not.
func (l *liar) resumes(received int, lie bool) {
	s := l.s
	if s.link != nil && !s.conn.Suspended() {
		s.lose()
		time.Sleep(time.Millisecond)
	}
	wanted := false
	came := l.meet(func(h *wire.Hello) []byte {
		wanted = string(h.Token) == string(s.tok)
		return l.welcome(wanted, received)
	})
	if !came || !wanted || s != l.s {
		return
	}
	if lie {
		select {
		case <-s.conn.Done():
		case <-time.After(time.Minute):
			require.Fail(l.t, "the connection goes on")
		}
		if s.link != nil {
			s.lose()
		}
		code := CodeOf(s.conn.Err())
		require.Equal(l.t, CodeProtocol.String(), code.String())
		return
	}
	require.True(l.t, s.link == nil || !s.conn.isEnded() || l.tight || s.lied, "it goes on: %v", s.conn.Err())
	if s.link == nil {
		return
	}
	s.cut, s.at, s.told, s.sure = false, received, received, received
	s.catchUp()
}

// refuses refuses a client that comes, for good or for a while.
func (l *liar) refuses(arg byte) {
	codes := []Code{CodeUnauthorized, CodeTooManyConns, CodeNameTaken, CodeShutdown, CodeApplication, CodeVersion}
	no := wire.Goodbye{Code: codes[int(arg)%len(codes)], RetryAfter: time.Duration(arg>>6) * 100 * time.Millisecond}
	s := l.s
	came := l.meet(func(*wire.Hello) []byte { return wire.AppendRefuse(nil, no) })
	if !came || s == nil || s.conn.isEnded() {
		return
	}
	require.True(l.t, no.RetryAfter > 0 || no.Code == CodeTooManyConns || no.Code == CodeShutdown || no.Code == CodeNameTaken,
		"%s is for good", no.Code)
}

// clientSends lets the client's program send.
func (l *liar) clientSends(arg byte) {
	s := l.s
	for range arg%16 + 1 {
		payload := counted(l.number+1, arg>>4)
		if !l.tight && s.size+len(payload) > 480<<10 {
			return // the next message would wait for room
		}
		l.number++
		if err := s.conn.SendBytes("n", payload); err == nil {
			l.sent(s, l.number, len(payload))
		} else {
			require.True(l.t, l.tight || s.conn.isEnded(), "%v", err)
			require.NotEqual(l.t, CodeNone, CodeOf(err))
		}
	}
}

// clientMoves lets the client's program ask for a group or a name, or come back at once.
func (l *liar) clientMoves(arg byte) {
	c := l.s.conn
	ask := map[byte]func(context.Context, string) error{0: c.Join, 1: c.Leave, 2: c.Rename}[arg%4]
	if ask == nil {
		l.cl.RetryNow()
		return
	}
	l.calling.Go(func() {
		ctx := l.ctx
		if arg&0x30 == 0x30 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(arg)*time.Millisecond)
			defer cancel()
		}
		if err := ask(ctx, "red"); err != nil && CodeOf(err) == CodeNone {
			l.failed.Add("no code: " + err.Error())
		}
	})
}
