package core

// isQuiet reports whether no handler of the connection runs and none waits for its turn.
func (c *Conn) isQuiet() bool {
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(c.slots) > 0 || !b.drop.Load() && b.head < len(b.jobs) {
		return false
	}
	switch c.turn.Load() & turnMask {
	case turnHandling:
		return false
	case turnHanded:
		return b.writing || hasManual && c.eng.manual != nil
	}
	return true
}
