//go:build !js

package core

// packValues and unpackValues run the program's functions for what it keeps with a connection.
func (k *cluster) packValues(c *Conn) (packed []byte, err error) {
	if k.opts.Pack == nil {
		return nil, nil
	}
	err = k.runProgram(c, "Pack", func() (err error) {
		packed, err = k.opts.Pack(c)
		return err
	})
	return packed, err
}

func (k *cluster) unpackValues(c *Conn, packed []byte) error {
	if k.opts.Unpack == nil {
		return nil
	}
	return k.runProgram(c, "Unpack", func() error { return k.opts.Unpack(c, packed) })
}

// runProgram runs a function of the program on a goroutine of its own, which the function may end, and waits for it.
func (k *cluster) runProgram(c *Conn, what string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := error(errCrashed)
		returned := false
		defer func() {
			if !returned {
				k.srv.eng.logPanic(c, what, recover())
			}
			done <- err
		}()
		err = f()
		returned = true
	}()
	return <-done
}
