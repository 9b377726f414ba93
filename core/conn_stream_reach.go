package core

import "github.com/hisock/hisock/core/wire"

// A streaming reaches the code of streams in a browser build. That build has the code, which is 28 KB, only if its program opens
// or handles streams. The native build calls the code directly.
type streaming struct {
	got      func(c *Conn, rd *reader, f wire.Frame) error
	pong     func(c *Conn, nonce uint64)
	feed     func(c *Conn) ([][]byte, any)
	end      func(c *Conn)
	relinked func(c *Conn)
	park     func(c *Conn, why *Error) []uint64
}

func newStreaming() *streaming {
	return &streaming{(*Conn).gotFrame, (*Conn).gotProbe, (*Conn).fetch, (*Conn).endAll, (*Conn).relinkStreams, (*Conn).parkAll}
}

// streaming returns the streaming of the connection in a browser build, or nil if the program uses no streams.
func (c *Conn) streaming() *streaming {
	if t := c.streams.Load(); t != nil {
		return t.reach
	}
	return c.eng.handlers.streaming
}

// gotOfStream handles a frame of a stream. It may handle the frames of streams that follow in the buffer, too.
func (c *Conn) gotOfStream(rd *reader, f wire.Frame) error {
	if !browser {
		return c.gotFrame(rd, f)
	}
	if s := c.streaming(); s != nil {
		return s.got(c, rd, f)
	}
	if f.Kind == wire.KindStream { // any other frame is of a stream that this side has refused
		o, err := wire.ParseStream(f.Body)
		if err != nil {
			return err
		}
		c.refuseStream(o.ID, unknownStream(string(o.Name)))
	}
	return nil
}

// gotPong handles the answer to a ping of the outbox, or to a probe of streams.
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

// isProbe reports whether a ping with that nonce is a probe of streams, which measures the path.
func isProbe(nonce uint64) bool { return nonce>>62 == 1 }

// feed fetches frames of streams for a writer whose Take has returned a link and no buffers.
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

// parkStreams ends all streams of a detached session, and returns the ids of those that were open.
func (c *Conn) parkStreams(why *Error) []uint64 {
	if !browser {
		return c.parkAll(why)
	}
	if s := c.streaming(); s != nil {
		return s.park(c, why)
	}
	return nil
}

func (c *Conn) parkAll(why *Error) []uint64 {
	t := c.streams.Load()
	if t == nil {
		return nil
	}
	ids := t.IDs()
	t.End(why)
	return ids
}
