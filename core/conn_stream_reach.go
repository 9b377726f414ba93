package core

import "github.com/hisock/hisock/core/wire"

// A streaming is how a browser build reaches the code of streams: it has that code only if its program opens a stream or
// handles one, since that is 28 KB. The native build does not ask for it.
type streaming struct {
	got      func(c *Conn, rd *reader, f wire.Frame) error
	pong     func(c *Conn, nonce uint64)
	feed     func(c *Conn) ([][]byte, any)
	end      func(c *Conn)
	relinked func(c *Conn)
	park     func(c *Conn) []uint64
}

func newStreaming() *streaming {
	return &streaming{(*Conn).gotFrame, (*Conn).gotProbe, (*Conn).fetch, (*Conn).endAll, (*Conn).relinkStreams, (*Conn).parkAll}
}

// streaming returns how to reach the code of streams, in a browser build whose program uses it.
func (c *Conn) streaming() *streaming {
	if t := c.streams.Load(); t != nil {
		return t.reach
	}
	return c.eng.handlers.streaming
}

// gotOfStream handles a frame of a stream, and perhaps such that follow it in the buffer.
func (c *Conn) gotOfStream(rd *reader, f wire.Frame) error {
	if !browser {
		return c.gotFrame(rd, f)
	}
	if s := c.streaming(); s != nil {
		return s.got(c, rd, f)
	}
	if f.Kind == wire.KindStream { // else the frame is of a stream that this side has refused
		o, err := wire.ParseStream(f.Body)
		if err != nil {
			return err
		}
		c.refuseStream(o.ID, unknownStream(string(o.Name)))
	}
	return nil
}

// gotPong notes an answer to a ping: of the queue, or of streams, which measure the path.
func (c *Conn) gotPong(nonce uint64) {
	if !isProbe(nonce) {
		c.out.Answered(nonce)
	}
	if !browser {
		c.gotProbe(nonce)
	} else if s := c.streaming(); s != nil {
		s.pong(c, nonce)
	}
}

// isProbe reports whether a ping with that nonce measures the path.
func isProbe(nonce uint64) bool { return nonce>>62 == 1 }

// feed fetches what streams have for a writer whose Take has returned a link alone.
func (c *Conn) feed() (bufs [][]byte, link any) {
	if !browser {
		return c.fetch()
	}
	return c.streaming().feed(c)
}

// endStreams ends all streams of a connection that has ended.
func (c *Conn) endStreams() {
	if !browser {
		c.endAll()
	} else if s := c.streaming(); s != nil {
		s.end(c)
	}
}

// resumeStreams lets the streams of a connection go on over another link.
func (c *Conn) resumeStreams() {
	if !browser {
		c.relinkStreams()
	} else if s := c.streaming(); s != nil {
		s.relinked(c)
	}
}

func (c *Conn) relinkStreams() {
	if t := c.streams.Load(); t != nil {
		t.Relinked()
	}
}

// parkStreams ends all streams of a session that goes on elsewhere, and returns the ids of the streams that are open.
func (c *Conn) parkStreams() []uint64 {
	if !browser {
		return c.parkAll()
	}
	if s := c.streaming(); s != nil {
		return s.park(c)
	}
	return nil
}

func (c *Conn) parkAll() []uint64 {
	t := c.streams.Load()
	if t == nil {
		return nil
	}
	ids := t.IDs()
	t.End(errDetached)
	return ids
}
