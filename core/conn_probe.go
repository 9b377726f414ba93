package core

import "time"

// probeTime is how long a peer may take to answer if the network may have gone.
const probeTime = 3 * time.Second

// probe asks the peer whether it is still there, and gives the link up if nothing comes within probeTime. Not every peer
// of the original answers, so it asks none of them.
func (c *Conn) probe() {
	if !c.takesNative() {
		return
	}
	l, reads := c.sess.Link(), c.progress.reads.Load()
	c.out.Ping(0)
	time.AfterFunc(probeTime, func() {
		// If the reader does not wait for the peer, it has something to read, or no room for more.
		if c.sess.Link() == l && c.progress.reads.Load() == reads && c.progress.awaitsPeer.Load() && !c.isEnded() {
			c.silent(NewError(CodeHeartbeat, "nothing heard for "+seconds(probeTime)))
		}
	})
}
