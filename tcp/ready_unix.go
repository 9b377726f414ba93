//go:build unix

package tcp

import "github.com/hisock/hisock/transport"

var (
	_ transport.ReadyReader = (*conn)(nil)
	_ transport.Sleeper     = (*conn)(nil)
)

// ReadReady implements [transport.ReadyReader]. On systems other than Unix a conn does not have it, and
// waiting for input needs a buffer.
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	if err := c.ReadSource(); err != nil {
		return nil, 0, err
	}
	buf, n, err := c.ready.Read(pool)
	return buf, n, c.ownClose(err)
}

// Sleep implements [transport.Sleeper].
func (c *conn) Sleep(woken func()) bool {
	return (c.source == nil || c.source.known.Load() != nil) && c.ready.Sleep(woken)
}
