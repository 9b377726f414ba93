//go:build unix

package fair

import (
	"os"
	"runtime"
	"syscall"
)

// A poll is a pipe that one goroutine writes to and waits for at a time.
type poll struct {
	r, w  *os.File // nil before the first use
	raw   syscall.RawConn
	try   func(fd uintptr) bool
	asked bool // a byte was written that has not been read yet
	b     [1]byte
}

// wait returns when the scheduler has found a byte that was written while the caller waited. If
// there is no pipe it yields.
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

// tryRead is called by the poller: first to be told that there is nothing yet, so that the goroutine
// waits, and then when there is.
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
