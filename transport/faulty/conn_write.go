package faulty

func (c *conn) Write(p []byte) (written int, err error) {
	if c.out.clear(int64(len(p))) {
		n, err := c.stream.Write(p)
		c.out.passed += int64(n)
		return n, c.cause(err)
	}
	for written < len(p) {
		n, err := c.allow(&c.out, len(p)-written)
		if err == nil {
			err = c.late(&c.out)
		}
		if err != nil {
			return written, err
		}
		n, err = c.stream.Write(c.corrupted(p[written : written+n]))
		written += n
		c.out.passed += int64(n)
		if err != nil {
			return written, c.cause(err)
		}
	}
	return written, nil
}

// corrupted returns the bytes to write for p. It does not change p.
func (c *conn) corrupted(p []byte) []byte {
	if c.out.flip != 0 { // allow has let only one byte pass
		p = []byte{p[0] ^ c.out.flip}
		c.out.flip = 0
	}
	return p
}

func (c *conn) WriteBuffers(bufs [][]byte) (written int64, err error) {
	var size int64
	for _, p := range bufs {
		size += int64(len(p))
	}
	if c.out.clear(size) {
		n, err := c.stream.WriteBuffers(bufs)
		c.out.passed += n
		return n, c.cause(err)
	}
	for _, p := range bufs {
		n, err := c.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
