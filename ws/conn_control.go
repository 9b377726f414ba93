//go:build !js

package ws

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
)

// answerTime is how long the peer may take to read the frames that this side sends by itself: pongs, and
// the close frame that answers the peer's close frame or protocol error.
const answerTime = 5 * time.Second

// A waitingPong is the answer to a ping that came while another goroutine was writing. Only the
// latest ping is answered, which is enough (RFC 6455, section 5.5.3).
type waitingPong struct {
	due atomic.Bool

	mu      sync.Mutex        // guards the fields below
	size    int32             // bytes of payload
	payload *[maxControl]byte // nil before the first
}

func (w *waitingPong) set(payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.payload == nil {
		w.payload = new([maxControl]byte)
	}
	w.size = int32(copy(w.payload[:], payload))
	w.due.Store(true)
}

func (w *waitingPong) take(dst []byte, h header) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due.Store(false)
	return appendControl(dst, h, opPong, w.payload[:w.size])
}

// gotPing prepares the answer to a ping. sendPongs, which the reader calls soon, sends it. If another goroutine
// is writing, that goroutine sends it after its message, so the reader does not wait for the message.
func (c *conn) gotPing(payload []byte) {
	if c.answering == nil {
		if !c.writeMu.TryLock() {
			c.pongWaiting.set(payload)
			if c.writeMu.TryLock() { // the writer may have looked for a pong before it was set
				c.unlockWriting()
			}
			return
		}
		c.answering, c.answers = smallOuts.Get().(*outBuffer), 0
	}
	pongs := c.answering.bytes[:c.answers]
	if cap(pongs)-len(pongs) < maxHeader+maxControl {
		c.writeOwn(pongs)
		pongs = pongs[:0]
	}
	c.answers = len(appendControl(pongs, c.masking(), opPong, payload))
}

// sendPongs sends the pongs that the reader has gathered.
func (c *conn) sendPongs() {
	if c.answering == nil {
		return
	}
	c.writeOwn(c.answering.bytes[:c.answers])
	c.answering.giveBack()
	c.answering = nil
	c.unlockWriting()
}

// unlockWriting sends the waiting pong, if there is one, and unlocks writeMu.
func (c *conn) unlockWriting() {
	for {
		if c.pongWaiting.due.Load() {
			out := smallOuts.Get().(*outBuffer)
			c.writeOwn(c.pongWaiting.take(out.bytes[:0], c.masking()))
			out.giveBack()
		}
		c.writeMu.Unlock()
		if !c.pongWaiting.due.Load() || !c.writeMu.TryLock() {
			return
		}
	}
}

// writeOwn sends control frames of the conn's own. answerTime holds for them instead of the program's
// write deadline. If the peer does not read them in time, the conn cuts the stream. writeOwn is
// called with writeMu held.
func (c *conn) writeOwn(frames []byte) {
	if c.writeErr != nil {
		return
	}
	if err := c.writeInTime(frames); err != nil {
		c.writeErr = err
	}
}

func (c *conn) writeInTime(frames []byte) error {
	c.writeDeadline.replace(c.stream.SetWriteDeadline, time.Now().Add(answerTime))
	defer c.writeDeadline.restore(c.stream.SetWriteDeadline)
	_, err := c.stream.Write(frames)
	switch {
	case err == nil:
		return nil
	case c.closed.Load():
		return transport.ErrClosed
	}
	lost := &opError{"answer the peer", err}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return lost // the peer has gone; the reader goes on to the end of the stream
	}
	c.lost.Store(lost)
	c.ready.Close()
	cut(c.stream)
	return lost
}

// sendClose waits for the writer before it and writes the close frame. Close
// cuts the stream, which ends both.
func (c *conn) sendClose(with *CloseError, why *opError, asked bool) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.writeErr != nil {
		return c.writeErr
	}
	c.writeErr = why
	payload := appendClosePayload(make([]byte, 0, maxControl), with.Code, with.Reason)
	frame := appendControl(nil, c.masking(), opClose, payload)
	if !asked {
		return c.writeInTime(frame)
	}
	_, err := c.stream.Write(frame)
	return err
}
