package ready

import (
	"os"
	"sync"
	"syscall"
)

// A sleeper is the part of a [Reader] that waits without a goroutine. Its fields are guarded by night.mu.
type sleeper struct {
	woken   func() // not nil while it sleeps
	bounded bool   // a read deadline is set
	closed  bool
}

// night is where readers sleep: one epoll of the system for all of them. The epoll exists, and one goroutine
// waits for it, while anybody sleeps.
var night struct {
	mu     sync.Mutex        // guards the fields below
	asleep map[int32]*Reader // by descriptor
	epoll  *os.File          // nil while nobody sleeps
}

// Sleep is as in [transport.Sleeper]. Nobody reads meanwhile.
func (r *Reader) Sleep(woken func()) bool {
	night.mu.Lock()
	defer night.mu.Unlock()
	s := &r.sleeper
	if s.bounded || s.closed || s.woken != nil || night.epoll == nil && !begin() {
		return false
	}
	fd, err := r.watch(syscall.EPOLL_CTL_ADD)
	if err != nil {
		endIfEmpty()
		return false
	}
	s.woken = woken
	night.asleep[fd] = r
	return true
}

// watch lets the epoll watch the socket, or watch it no more.
func (r *Reader) watch(op int) (fd int32, err error) {
	failed := r.raw.Control(func(socket uintptr) {
		fd = int32(socket)
		err = onEpoll(func(epoll int) error {
			return syscall.EpollCtl(epoll, op, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: fd})
		})
	})
	if failed != nil {
		return 0, failed
	}
	return fd, err
}

// onEpoll runs f with the descriptor of the epoll. night.mu is held.
func onEpoll(f func(epoll int) error) (err error) {
	raw, err := night.epoll.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	if failed != nil {
		return failed
	}
	return err
}

// Wake wakes a Reader that sleeps.
func (r *Reader) Wake() {
	night.mu.Lock()
	woken := r.rise()
	endIfEmpty()
	night.mu.Unlock()
	if woken != nil {
		woken()
	}
}

// rise ends the sleep of r, and returns the function to call. It returns nil if r does not sleep. night.mu is held.
func (r *Reader) rise() (woken func()) {
	s := &r.sleeper
	if woken = s.woken; woken == nil {
		return nil
	}
	s.woken = nil
	if fd, err := r.watch(syscall.EPOLL_CTL_DEL); err == nil {
		delete(night.asleep, fd)
		return woken
	}
	for fd, other := range night.asleep { // somebody has closed the socket by itself
		if other == r {
			delete(night.asleep, fd)
		}
	}
	return woken
}

// Bound notes whether a read deadline is set. It wakes a Reader that sleeps.
func (r *Reader) Bound(bounded bool) {
	night.mu.Lock()
	r.sleeper.bounded = bounded
	night.mu.Unlock()
	r.Wake()
}

// Close wakes r if it sleeps, and keeps it from sleeping again. It is called before the socket is closed.
func (r *Reader) Close() {
	night.mu.Lock()
	r.sleeper.closed = true
	night.mu.Unlock()
	r.Wake()
}

// begin makes the epoll, and starts the goroutine that waits for it. It reports false if the system has no
// descriptor left. night.mu is held.
func begin() bool {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that Go's poller waits for it
		syscall.Close(fd) //nolint:errcheck // it was never used
		return false
	}
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err != nil {
		epoll.Close() //nolint:errcheck // it was never used
		return false
	}
	night.epoll, night.asleep = epoll, make(map[int32]*Reader)
	go keepWatch(raw)
	return true
}

// endIfEmpty closes the epoll if nobody sleeps, which ends the goroutine. night.mu is held.
func endIfEmpty() {
	if night.epoll != nil && len(night.asleep) == 0 {
		night.epoll.Close() //nolint:errcheck // nothing is written to it
		night.epoll, night.asleep = nil, nil
	}
}

// keepWatch wakes readers that have input, until their epoll is closed.
func keepWatch(epoll syscall.RawConn) {
	var events [128]syscall.EpollEvent
	var wake []func()
	for {
		n := 0
		err := epoll.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		night.mu.Lock()
		for _, e := range events[:n] {
			// If the descriptor belongs to another reader by now, that one is woken in vain.
			if r := night.asleep[e.Fd]; r != nil {
				wake = append(wake, r.rise())
			}
		}
		endIfEmpty()
		night.mu.Unlock()
		for i, woken := range wake {
			woken()
			wake[i] = nil
		}
		wake = wake[:0]
	}
}
