//go:build unix

package fair

import (
	"os"
	"runtime"
	"syscall"
)

// A poll is a pipe. One goroutine at a time writes to it and waits for the byte.
type poll struct {
	r, w  *os.File // nil before the first use
	raw   syscall.RawConn
	try   func(fd uintptr) bool
	asked bool // a byte has been written and not read yet
	b     [1]byte
}

// wait writes a byte and returns when the scheduler has found the byte. If there is no pipe, wait yields.
func (p *poll) wait() {
	if p.r == nil && !p.open() {
		runtime.Gosched()
		return
	}
	if p.raw.Read(p.try) != nil {
		runtime.Gosched()
	}
}

func (p *poll) open() bool {
	r, w, err := os.Pipe()
	if err != nil {
		return false
	}
	raw, err := r.SyscallConn()
	if err != nil {
		r.Close() //nolint:errcheck // nothing was written
		w.Close() //nolint:errcheck // nothing was written
		return false
	}
	p.r, p.w, p.raw, p.try = r, w, raw, p.tryRead
	return true
}

// tryRead is the function that RawConn.Read calls. The first call writes the byte and returns false, so that the
// goroutine waits for input. The next call, after the scheduler has found the input, reads the byte and returns true.
func (p *poll) tryRead(fd uintptr) bool {
	if !p.asked {
		_, err := p.w.Write(p.b[:])
		p.asked = err == nil
		return err != nil
	}
	for {
		switch _, err := syscall.Read(int(fd), p.b[:]); err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		}
		p.asked = false
		return true
	}
}

func (p *poll) close() {
	if p.r != nil {
		p.r.Close() //nolint:errcheck // it holds nothing
		p.w.Close() //nolint:errcheck // it holds nothing
		p.r = nil
	}
}
