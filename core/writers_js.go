package core

// Writers are goroutines that write: one is started each time a connection has something to write.
type writers struct{}

func newWriters() *writers { return nil }

func (*writers) add(c *Conn) { go c.writer() }

var _ = Conn{}.nextWaiting // nothing here makes use of it, which staticcheck would tell
