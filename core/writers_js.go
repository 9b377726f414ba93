package core

// Writers are goroutines that write: one for each connection, of which a page has few.
type writers struct{}

func newWriters() *writers { return nil }

var _ = Conn{}.behind // of which nothing here makes use

func (*writers) add(c *Conn) { go c.writer() }
