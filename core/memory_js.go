package core

const hasBudget = false

// defaultMemory is no limit: a page serves nobody.
func defaultMemory() int { return -1 }

func (c *Conn) uncount() {}
