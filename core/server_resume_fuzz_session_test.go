//go:build !js

package core

import (
	"bytes"
	"errors"
	"net"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A byHand is one stream of a client by hand.
type byHand struct {
	stream transport.Conn
	in     []byte // bytes that are read and not parsed
	out    []byte // bytes that are still to be written
}

// push tries for a moment to write what is still to be written. It reports false if the stream is
// over.
func (h *byHand) push() bool {
	if len(h.out) == 0 {
		return true
	}
	h.stream.SetWriteDeadline(time.Now().Add(time.Millisecond)) //nolint:errcheck // the write will fail
	n, err := h.stream.Write(h.out)
	h.out = h.out[n:]
	return err == nil || isTimeout(err)
}

// pull reads what is there, or comes within wait. It reports false if the stream is over.
func (h *byHand) pull(wait time.Duration) bool {
	buf := make([]byte, 64<<10)
	for {
		h.stream.SetReadDeadline(time.Now().Add(wait)) //nolint:errcheck // the read will fail
		n, err := h.stream.Read(buf)
		h.in = append(h.in, buf[:n]...)
		if err != nil {
			return isTimeout(err)
		}
		wait = time.Microsecond
	}
}

// next returns the next complete frame.
func (h *byHand) next() (wire.Frame, bool, error) {
	f, size, ok, err := wire.Next(h.in, wire.DefaultMaxFrame)
	if ok {
		h.in = h.in[size:]
	}
	return f, ok, err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// A fuzzSession is what an honest client knows of its session, and what its server must know. Its
// numbers of frames are in order: sure ≤ told ≤ at, and heard ≤ begun ≤ len(up).
type fuzzSession struct {
	r    *resumer
	conn *Conn // the server's
	id   []byte
	tok  []byte
	link *byHand // nil while there is none

	// Frames to the server.
	up        [][]byte // counted frames, in order
	begun     int      // frames of up that are written, at least in part
	numbers   []uint32 // of the commands and raw messages in up
	heard     uint64   // frames that the server has acknowledged, by an ack or a welcome
	confirmed bool     // the welcome has been acknowledged
	calls     map[uint64]fuzzCall
	pinged    map[uint64]fuzzPing // by nonce, over this link

	// Frames from the server.
	down  [][]byte // counted frames, as they came first; nil for a frame that a lie has skipped
	at    int      // frames that the client has, and claims when it comes back
	told  int      // frames that the client has acknowledged
	sure  int      // acknowledged frames of which the server must know
	want  []uint32 // numbers of the commands that the server has sent
	got   []uint32
	asked [][]byte // answers to the server's calls, not sent yet
	size  int      // bytes that the server has sent
	bye   *wire.Goodbye

	lied  bool // the server may give the session up
	blind bool // the client has claimed frames that it does not have
	cut   bool // the server's stream is closed, which the server may not have noticed
	stuck bool // handlers may wait for a frame that is beyond the bound of reading ahead
}

type fuzzCall struct {
	echo     bool
	answers  int
	canceled bool
}

// A fuzzPing is the state in which a ping was sent: frames begun, and frames acknowledged.
type fuzzPing struct{ sent, told int }

// write writes a frame that is not counted, if there is a link.
func (s *fuzzSession) write(b []byte) {
	if s.link == nil {
		return
	}
	s.link.out = append(s.link.out, b...)
	if !s.link.push() {
		s.lose()
	}
}

// send sends a counted frame, at once or after the next resume.
func (s *fuzzSession) send(frame []byte) {
	s.up = append(s.up, frame)
	s.catchUp()
}

func (s *fuzzSession) catchUp() {
	for s.link != nil && s.begun < len(s.up) {
		s.begun++
		s.write(s.up[s.begun-1])
	}
}

func (s *fuzzSession) lose() {
	s.link.stream.Close() //nolint:errcheck // it is over
	s.link = nil
}

// read reads what there is, and answers pings.
func (s *fuzzSession) read(wait time.Duration) {
	if s.link == nil {
		return
	}
	l := s.link
	open := l.pull(wait)
	for s.link == l {
		f, ok, err := l.next()
		require.NoError(s.r.t, err)
		if !ok {
			break
		}
		s.took(f)
	}
	if !open && s.link == l {
		s.lose()
	}
	if s.link == l && !l.push() {
		s.lose()
	}
}

// took handles one frame from the server.
func (s *fuzzSession) took(f wire.Frame) {
	t := s.r.t
	if f.Kind.Counted() {
		s.tookCounted(f)
		return
	}
	switch f.Kind {
	case wire.KindAck:
		n, err := wire.ParseAck(f.Body)
		require.NoError(t, err)
		if n > 0 || s.confirmed { // else it confirms that the server knows that the client has its token
			require.Greater(t, n, s.heard, "an ack says more than the one before")
		}
		s.confirmed = true
		require.LessOrEqual(t, n, uint64(s.begun))
		s.heard = n
	case wire.KindPing:
		nonce, err := wire.ParseNonce(f.Body)
		require.NoError(t, err)
		s.acknowledge()
		s.write(wire.AppendPong(nil, nonce))
	case wire.KindPong:
		nonce, err := wire.ParseNonce(f.Body)
		require.NoError(t, err)
		ping, ok := s.pinged[nonce]
		require.True(t, ok, "it was asked")
		require.GreaterOrEqual(t, s.heard, uint64(ping.sent), "an ack comes before the pong")
		s.sure = max(s.sure, ping.told)
	case wire.KindGoodbye:
		bye, err := wire.ParseGoodbye(f.Body)
		require.NoError(t, err)
		s.bye = &bye
	case wire.KindMissed:
		require.True(t, s.r.drops)
	default:
		require.Fail(t, "unexpected frame", f.Kind.String())
	}
}

// tookCounted handles a counted frame. A frame that comes again must be the same as before.
func (s *fuzzSession) tookCounted(f wire.Frame) {
	t := s.r.t
	frame := wire.AppendFrame(nil, f.Kind, f.Body)
	s.at++
	if s.at <= len(s.down) {
		if s.down[s.at-1] != nil {
			require.True(t, bytes.Equal(s.down[s.at-1], frame), "frame %d comes again as it was", s.at)
		}
		return
	}
	s.down = append(s.down, frame)
	switch f.Kind {
	case wire.KindCommand:
		name, payload, err := wire.ParseCommand(f.Body)
		require.NoError(t, err)
		if string(name) == "n" {
			s.got = append(s.got, numberIn(payload))
		}
	case wire.KindReply, wire.KindFailure:
		id, payload, err := wire.ParseReply(f.Body)
		require.NoError(t, err)
		call, ok := s.calls[id]
		require.True(t, ok, "it was called")
		if call.echo && f.Kind == wire.KindReply {
			require.EqualValues(t, id, numberIn(payload))
		}
		call.answers++
		require.Equal(t, 1, call.answers)
		s.calls[id] = call
	case wire.KindRequest:
		id, name, payload, err := wire.ParseRequest(f.Body)
		require.NoError(t, err)
		require.Equal(t, "ask", string(name))
		s.asked = append(s.asked, wire.AppendReply(nil, id, payload))
	case wire.KindAskJoin, wire.KindAskLeave, wire.KindAskRename:
		id, name, err := wire.ParseAsk(f.Body)
		require.NoError(t, err)
		said := map[wire.Kind]wire.Kind{
			wire.KindAskJoin: wire.KindJoinGroup, wire.KindAskLeave: wire.KindLeaveGroup, wire.KindAskRename: wire.KindRename,
		}
		s.asked = append(s.asked, wire.AppendName(nil, said[f.Kind], string(name)), wire.AppendReply(nil, id, nil))
	case wire.KindCancel, wire.KindStandstill, wire.KindJoinGroup, wire.KindLeaveGroup, wire.KindRename:
	default:
		require.Fail(t, "unexpected frame", f.Kind.String())
	}
}

// acknowledge sends an ack if there are new frames.
func (s *fuzzSession) acknowledge() {
	if s.at > s.told && s.link != nil {
		s.told = s.at
		s.write(wire.AppendAck(nil, uint64(s.at)))
	}
}

func (s *fuzzSession) ping(nonce uint64) {
	if s.link == nil {
		return
	}
	s.pinged[nonce] = fuzzPing{s.begun, s.told}
	s.write(wire.AppendPing(nil, nonce))
}

// lives reports whether the server has a stream for the session.
func (s *fuzzSession) lives() bool {
	return s.link != nil && !s.cut && !s.conn.isEnded() && !s.conn.Suspended()
}

// ends runs act, which ends the session with code. It reports whether the session could be ended.
func (s *fuzzSession) ends(code Code, told bool, act func()) bool {
	if !s.lives() || s.stuck {
		return false
	}
	act()
	for range 1000 { // in turns: the server may wait for the client to read
		s.read(10 * time.Millisecond)
		if s.link == nil || len(s.link.out) == 0 {
			break
		}
	}
	for late := time.Now().Add(3 * time.Minute); s.link != nil && s.bye == nil && time.Now().Before(late); {
		s.read(time.Second)
	}
	if s.link != nil {
		s.link.stream.CloseWrite() //nolint:errcheck // it may be over
	}
	for late := time.Now().Add(8 * time.Second); s.link != nil && time.Now().Before(late); {
		s.read(time.Second)
	}
	if s.link != nil {
		s.lose()
	}
	select {
	case <-s.conn.Done():
	case <-time.After(time.Minute):
		require.Fail(s.r.t, "the connection goes on")
	}
	if s.r.tight {
		require.NotEqual(s.r.t, CodeNone, CodeOf(s.conn.Err()))
	} else {
		require.Equal(s.r.t, code.String(), CodeOf(s.conn.Err()).String(), "%v", s.conn.Err())
		if told {
			require.NotNil(s.r.t, s.bye)
			require.Equal(s.r.t, code.String(), s.bye.Code.String())
		}
	}
	return true
}

// settled reports whether nothing more will come.
func (r *resumer) settled(s *fuzzSession) bool {
	if len(r.handledOf(s.conn)) < len(s.numbers) || len(s.asked) > 0 || !r.drops && len(s.got) < len(s.want) {
		return false
	}
	for _, call := range s.calls {
		if call.answers == 0 && !call.canceled {
			return false
		}
	}
	return true
}

// sent records a command that the server has sent to the session.
func (r *resumer) sent(s *fuzzSession, number uint32, size int) {
	s.want = append(s.want, number)
	s.size += size
}
