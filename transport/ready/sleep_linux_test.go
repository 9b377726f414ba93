package ready

import (
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// state returns how many readers sleep, and whether there is an epoll.
func state() (asleep int, open bool) {
	night.mu.Lock()
	defer night.mu.Unlock()
	return len(night.asleep), night.epoll != nil
}

// One goroutine waits for all sleeping readers, however many there are, and no goroutine once all
// are woken.
func TestManySleep(t *testing.T) {
	const count = 300 // more than are woken at once
	readers, near, far := make([]*Reader, count), make([]net.Conn, count), make([]net.Conn, count)
	for i := range readers {
		readers[i], near[i], far[i] = pair(t, "tcp", "127.0.0.1:0")
	}
	before, check := runtime.NumGoroutine(), transporttest.Goroutines(t)
	for range 3 {
		var woken sync.WaitGroup
		for _, r := range readers {
			woken.Add(1)
			require.True(t, r.Sleep(woken.Done))
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
		asleep, _ := state()
		require.Equal(t, count, asleep)
		for i, c := range far {
			if i%2 == 0 {
				_, err := c.Write([]byte("x"))
				require.NoError(t, err)
			} else {
				readers[i].Wake()
			}
		}
		woken.Wait()
		for i, r := range readers {
			if i%2 == 0 {
				buf, n, err := r.Read(&pool{size: 4})
				require.NoError(t, err)
				require.Equal(t, "x", string(buf[:n]))
			}
		}
		require.Eventually(t, func() bool { _, open := state(); return !open }, transporttest.Patience, time.Millisecond)
	}
	check()
}

// A socket that is closed behind the reader's back leaves nothing that another socket with its
// descriptor could meet.
func TestSleepOverForeignClose(t *testing.T) {
	r, near, _ := pair(t, "tcp", "127.0.0.1:0")
	woken := make(chan bool, 1)
	require.True(t, r.Sleep(func() { woken <- true }))
	require.NoError(t, near.Close())
	again, _, far := pair(t, "tcp", "127.0.0.1:0") // mostly with the descriptor of the first socket
	r.Close()
	require.True(t, <-woken)
	require.True(t, again.Sleep(func() { woken <- true }))
	_, err := far.Write([]byte("x"))
	require.NoError(t, err)
	require.True(t, <-woken)
	asleep, open := state()
	require.Zero(t, asleep)
	require.False(t, open)
}

// No reader sleeps if there is no descriptor for the epoll.
func TestNoSleepWithoutDescriptors(t *testing.T) {
	r, _, _ := pair(t, "tcp", "127.0.0.1:0")
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	none := syscall.Rlimit{Cur: 0, Max: was.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	slept := r.Sleep(func() {})
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was))
	require.False(t, slept)
	require.True(t, r.Sleep(func() {}))
	r.Close()
}

// BenchmarkWake sends a byte to a reader that waits on a goroutine, and to a reader that sleeps.
func BenchmarkWake(b *testing.B) {
	for _, name := range []string{"waits", "sleeps"} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			defer l.Close()
			near, err := net.Dial("tcp", l.Addr().String())
			require.NoError(b, err)
			far, err := l.Accept()
			require.NoError(b, err)
			defer far.Close()
			defer near.Close()
			r := &Reader{}
			require.NoError(b, r.Init(near.(Conn)))
			defer r.Close()
			lent, read := &one{buf: make([]byte, 4)}, make(chan error, 1)
			readOnce := func() {
				_, _, err := r.Read(lent)
				read <- err
			}
			for b.Loop() {
				if name == "waits" {
					go readOnce()
				} else if !r.Sleep(func() { go readOnce() }) {
					b.Fatal("it cannot sleep")
				}
				if _, err := far.Write([]byte("x")); err != nil {
					b.Fatal(err)
				}
				if err := <-read; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
