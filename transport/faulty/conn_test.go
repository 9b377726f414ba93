package faulty_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
)

// inPair runs f in a synctest bubble with a conn that has a script, and with its peer, which has none.
func inPair(t *testing.T, s faulty.Script, f func(t *testing.T, c, peer transport.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, peer := transport.Pipe()
		c := faulty.Wrap(p, s)
		defer peer.Close()
		defer c.Close()
		f(t, c, peer)
	})
}

// send writes the whole text.
func send(t *testing.T, c transport.Conn, text string) {
	t.Helper()
	n, err := c.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

// receive reads n bytes.
func receive(t *testing.T, c transport.Conn, n int) string {
	t.Helper()
	p := make([]byte, n)
	_, err := io.ReadFull(c, p)
	require.NoError(t, err)
	return string(p)
}

// readOnce returns the result of one read.
func readOnce(t *testing.T, c transport.Conn) string {
	t.Helper()
	p := make([]byte, 100)
	n, err := c.Read(p)
	require.NoError(t, err)
	return string(p[:n])
}

// A pool lends buffers of 100 bytes.
type pool struct{ out int }

func (p *pool) Get() []byte { p.out++; return make([]byte, 100) }
func (p *pool) Put([]byte)  { p.out-- }

// readyOnce is readOnce with ReadReady.
func readyOnce(t *testing.T, c transport.Conn) string {
	t.Helper()
	p := &pool{}
	buf, n, err := c.(transport.ReadyReader).ReadReady(p)
	require.NoError(t, err)
	require.Len(t, buf, 100)
	require.Equal(t, 1, p.out)
	return string(buf[:n])
}

func TestDelayReading(t *testing.T) {
	script := faulty.Script{faulty.Read(2, faulty.Delay(time.Second)), faulty.Read(5, faulty.Delay(0))}
	for name, read := range map[string]func(*testing.T, transport.Conn) string{"Read": readOnce, "ReadReady": readyOnce} {
		t.Run(name, func(t *testing.T) {
			inPair(t, script, func(t *testing.T, c, peer transport.Conn) {
				send(t, peer, "abcdefg")
				start := time.Now()
				require.Equal(t, "ab", read(t, c))
				require.Zero(t, time.Since(start))
				require.Equal(t, "cde", read(t, c))
				require.Equal(t, time.Second, time.Since(start))
				require.Equal(t, "fg", read(t, c))
				require.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

// The delay of bytes begins when they have come.
func TestDelayCountsFromArrival(t *testing.T) {
	inPair(t, faulty.Script{faulty.Read(0, faulty.Delay(time.Second))}, func(t *testing.T, c, peer transport.Conn) {
		start := time.Now()
		go func() {
			time.Sleep(time.Hour)
			peer.Write([]byte("x"))
		}()
		require.Equal(t, "x", readOnce(t, c))
		require.Equal(t, time.Hour+time.Second, time.Since(start))
	})
}

func TestDelayWriting(t *testing.T) {
	script := faulty.Script{
		faulty.Write(1, faulty.Dribble(2)), faulty.Write(1, faulty.Delay(time.Second)), faulty.Write(6, faulty.Delay(0)),
	}
	inPair(t, script, func(t *testing.T, c, peer transport.Conn) {
		start := time.Now()
		go c.WriteBuffers([][]byte{[]byte("ab"), []byte("cdef"), []byte("gh")})
		var at []time.Duration
		for range "abcdefgh" {
			receive(t, peer, 1)
			at = append(at, time.Since(start))
		}
		// "a", "b" and the end of its buffer, "cd", "ef", "gh".
		s := time.Second
		require.Equal(t, []time.Duration{0, s, 2 * s, 2 * s, 3 * s, 3 * s, 3 * s, 3 * s}, at)
	})
}

func TestDribbleReading(t *testing.T) {
	inPair(t, faulty.Script{faulty.Read(1, faulty.Dribble(3)), faulty.Read(7, faulty.Dribble(0))},
		func(t *testing.T, c, peer transport.Conn) {
			send(t, peer, "abcdefghijkl")
			require.Equal(t, "a", readOnce(t, c))
			require.Equal(t, "bcd", readyOnce(t, c))
			require.Equal(t, "efg", readOnce(t, c))
			require.Equal(t, "hijkl", readyOnce(t, c))
		})
}

func TestCorrupt(t *testing.T) {
	script := faulty.Script{
		faulty.Read(1, faulty.Corrupt(0)),
		faulty.Write(2, faulty.Corrupt(5)), faulty.Write(2, faulty.Corrupt(0)),
	}
	inPair(t, script, func(t *testing.T, c, peer transport.Conn) {
		sent := []byte("aaaa")
		_, err := c.WriteBuffers([][]byte{sent[:1], sent[1:]})
		require.NoError(t, err)
		require.Equal(t, "aa@a", receive(t, peer, 4))
		require.Equal(t, "aaaa", string(sent), "the caller's bytes are not changed")

		send(t, peer, "aaaa")
		require.Equal(t, "a`aa", receive(t, c, 4))
	})
}

func TestStallForATime(t *testing.T) {
	inPair(t, faulty.Script{faulty.Read(2, faulty.Stall(time.Minute)), faulty.Write(2, faulty.Stall(time.Hour))},
		func(t *testing.T, c, peer transport.Conn) {
			start := time.Now()
			send(t, peer, "abcd")
			require.Equal(t, "abcd", receive(t, c, 4))
			require.Equal(t, time.Minute, time.Since(start))
			send(t, peer, "more")
			require.Equal(t, "more", readOnce(t, c))
			require.Equal(t, time.Minute, time.Since(start))

			start = time.Now()
			send(t, c, "abcd")
			require.Equal(t, time.Hour, time.Since(start))
			require.Equal(t, "abcd", receive(t, peer, 4))
		})
}

// A stall without end does not affect the other direction, and ends with Close.
func TestStallUntilClose(t *testing.T) {
	tests := map[string]struct {
		stalled func(at int64, do faulty.Fault) faulty.Step
		op      func(c transport.Conn) error
		goes    func(t *testing.T, c, peer transport.Conn)
	}{
		"Read": {faulty.Read, func(c transport.Conn) error { _, err := c.Read(make([]byte, 1)); return err }, carriesOut},
		"ReadReady": {faulty.Read, func(c transport.Conn) error {
			p := &pool{}
			_, _, err := c.(transport.ReadyReader).ReadReady(p)
			if p.out != 0 {
				return io.ErrNoProgress
			}
			return err
		}, carriesOut},
		"Write": {faulty.Write, func(c transport.Conn) error { _, err := c.Write([]byte("x")); return err }, carriesIn},
		"WriteBuffers": {faulty.Write, func(c transport.Conn) error {
			_, err := c.WriteBuffers([][]byte{[]byte("x"), []byte("y")})
			return err
		}, carriesIn},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inPair(t, faulty.Script{tc.stalled(0, faulty.Stall(0))}, func(t *testing.T, c, peer transport.Conn) {
				send(t, peer, "there")
				done := make(chan error, 1)
				go func() { done <- tc.op(c) }()
				time.Sleep(1000 * time.Hour)
				synctest.Wait()
				require.Empty(t, done)
				if tc.goes != nil {
					tc.goes(t, c, peer)
				}
				for range 3 {
					go c.Close()
				}
				require.ErrorIs(t, <-done, transport.ErrClosed)
			})
		})
	}
}

func carriesOut(t *testing.T, c, peer transport.Conn) {
	send(t, c, "out")
	require.Equal(t, "out", receive(t, peer, 3))
}

func carriesIn(t *testing.T, c, _ transport.Conn) {
	require.Equal(t, "there", receive(t, c, len("there")))
}

func TestBreaks(t *testing.T) {
	for name, fault := range map[string]faulty.Fault{"cut": faulty.Cut(), "reset": faulty.Reset()} {
		t.Run(name+" while reading", func(t *testing.T) {
			inPair(t, faulty.Script{faulty.Read(3, fault)}, func(t *testing.T, c, peer transport.Conn) {
				writing := make(chan error, 1)
				go func() {
					_, err := c.Write(make([]byte, 1<<20)) // the peer does not read
					writing <- err
				}()
				send(t, peer, "abcdef")
				require.Equal(t, "abc", readOnce(t, c))
				_, err := c.Read(make([]byte, 1))
				requireBroken(t, err, "read@3 "+name)
				requireBroken(t, <-writing, "read@3 "+name)
				requireAllBroken(t, c)
				_, err = io.Copy(io.Discard, struct{ io.Reader }{peer})
				require.NoError(t, err, "the peer sees the end")
			})
		})
		t.Run(name+" while writing", func(t *testing.T) {
			inPair(t, faulty.Script{faulty.Write(3, fault), faulty.Read(1, faulty.Stall(0))},
				func(t *testing.T, c, peer transport.Conn) {
					send(t, peer, "xyz")
					require.Equal(t, "x", readOnce(t, c))
					reading := make(chan error, 1)
					go func() {
						_, err := c.Read(make([]byte, 1)) // reading is stalled
						reading <- err
					}()
					synctest.Wait()
					n, err := c.WriteBuffers([][]byte{[]byte("ab"), []byte("cdef")})
					requireBroken(t, err, "write@3 "+name)
					require.EqualValues(t, 3, n)
					requireBroken(t, <-reading, "write@3 "+name)
					requireAllBroken(t, c)
					require.Equal(t, "abc", receive(t, peer, 3), "what went out before arrives")
					_, err = peer.Read(make([]byte, 1))
					require.ErrorIs(t, err, io.EOF)
				})
		})
	}
}

func requireBroken(t *testing.T, err error, step string) {
	t.Helper()
	require.ErrorIs(t, err, faulty.ErrBroken)
	require.ErrorContains(t, err, step)
}

// requireAllBroken checks all methods of a broken conn, and closes it.
func requireAllBroken(t *testing.T, c transport.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, faulty.ErrBroken)
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, faulty.ErrBroken)
	_, _, err = c.(transport.ReadyReader).ReadReady(&pool{})
	require.ErrorIs(t, err, faulty.ErrBroken)
	require.ErrorIs(t, c.CloseWrite(), faulty.ErrBroken)
	require.ErrorIs(t, c.SetReadDeadline(time.Now()), faulty.ErrBroken)
	require.NoError(t, c.Close())
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, transport.ErrClosed)
}

func TestResetResets(t *testing.T) {
	tests := map[string]struct {
		fault faulty.Fault
		want  int
	}{
		"reset": {faulty.Reset(), 1},
		"cut":   {faulty.Cut(), 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p, peer := transport.Pipe()
			defer peer.Close()
			resets := 0
			c := faulty.Wrap(resettable{p, &resets}, faulty.Script{faulty.Write(0, tc.fault)})
			_, err := c.Write([]byte("x"))
			requireBroken(t, err, "write@0 "+name)
			require.Equal(t, tc.want, resets)
			require.NoError(t, c.Close())
		})
	}
}

func TestHalfClose(t *testing.T) {
	inPair(t, faulty.Script{faulty.Write(3, faulty.HalfClose())}, func(t *testing.T, c, peer transport.Conn) {
		n, err := c.Write([]byte("abcdef"))
		requireBroken(t, err, "write@3 halfclose")
		require.Equal(t, 3, n)
		got, err := io.ReadAll(peer)
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))
		send(t, peer, "still")
		require.Equal(t, "still", receive(t, c, 5))
		_, err = c.Write([]byte("x"))
		requireBroken(t, err, "write@3 halfclose")
		require.NoError(t, c.CloseWrite())
	})
	inPair(t, faulty.Script{faulty.Read(3, faulty.HalfClose())}, func(t *testing.T, c, peer transport.Conn) {
		send(t, peer, "abcdef")
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the end does not pass")
		carriesOut(t, c, peer)
	})
}

// A script strikes the same bytes however reads and writes are split.
func TestPositionsCountBytes(t *testing.T) {
	script := faulty.Script{faulty.Write(7, faulty.Corrupt(1)), faulty.Write(100, faulty.Dribble(5)), faulty.Write(200, faulty.Cut())}
	sent := bytes.Repeat([]byte("0123456789"), 30)
	want := bytes.Clone(sent[:200])
	want[7] ^= 2
	for _, size := range []int{1, 3, 10, 64, len(sent)} {
		inPair(t, script, func(t *testing.T, c, peer transport.Conn) {
			var err error
			for p := sent; err == nil; {
				var n int
				n, err = c.Write(p[:min(size, len(p))])
				p = p[n:]
			}
			require.ErrorIs(t, err, faulty.ErrBroken)
			got, err := io.ReadAll(peer)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}
