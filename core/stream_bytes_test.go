//go:build !js

package core

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// bothEnds runs f with both ends of a stream of bytes, and its handler's context. f closes them.
func bothEnds(t *testing.T, f func(w *world, here, there *ByteStream, handler context.Context)) {
	inWorld(t, &ServerOptions{Logger: Silent}, func(w *world) {
		ends := make(chan *ByteStream)
		contexts := make(chan context.Context, 1)
		done := make(chan struct{})
		HandleByteStream(w.srv, "bytes", func(ctx context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
			contexts <- ctx
			ends <- s
			<-done
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		here, err := OpenByteStream(w.ctx, cl, "bytes", nil)
		require.NoError(t, err)
		there := <-ends
		func() {
			defer close(done)
			f(w, here, there, <-contexts)
		}()
		synctest.Wait()
		w.nothingLeft(cl)
	})
}

// CloseWithError tells both ends, in both directions, and also where somebody waits. What has come before is read.
func TestCloseWithError(t *testing.T) {
	stranger := errors.New("a secret")
	for name, tc := range map[string]struct {
		err  error
		code Code
		text string // the other end is told
	}{
		"an error":   {&Error{Code: 1234, Message: "the disk is full", Details: 7}, 1234, "the disk is full"},
		"a code":     {CodeQueueFull, CodeQueueFull, "queue full"},
		"a stranger": {stranger, CodeInternal, "the handler failed"},
		"a context":  {context.DeadlineExceeded, CodeDeadlineExceeded, "deadline exceeded"},
	} {
		for _, byHandler := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bothEnds(t, func(w *world, here, there *ByteStream, handler context.Context) {
					if byHandler {
						here, there = there, here
					}
					_, err := here.Write([]byte("before"))
					require.NoError(t, err)
					synctest.Wait()
					var kept kept[error]
					wait := func(f func() error) { go func() { kept.Add(f()) }() }
					wait(func() error { _, err := here.Read(make([]byte, 1)); return err })
					wait(func() error { _, err := here.Write(make([]byte, 1<<20)); return err })
					synctest.Wait()
					require.Empty(t, kept.All())

					require.NoError(t, here.CloseWithError(tc.err))
					require.NoError(t, here.CloseWithError(errors.New("another")), "the first counts")
					synctest.Wait()
					require.Len(t, kept.All(), 2)
					got, err := io.ReadAll(there)
					require.Equal(t, "before", string(got[:6]))
					_, werr := there.Write([]byte("late"))
					for _, err := range []error{err, werr} {
						require.Equal(t, tc.code, CodeOf(err))
						require.True(t, IsRemote(err))
						require.Contains(t, Text(err), tc.text)
						require.NotErrorIs(t, err, stranger)
						var e *StreamError
						require.ErrorAs(t, err, &e)
						require.Equal(t, uint64(len(got)), e.Taken)
					}
					if tc.code == 1234 {
						details, err := Details[int](err)
						require.NoError(t, err)
						require.Equal(t, 7, details)
					}
					_, err = here.Read(make([]byte, 1))
					require.ErrorIs(t, err, tc.err)
					_, err = here.Write([]byte("late"))
					require.ErrorIs(t, err, tc.err)
					for _, err := range kept.All() {
						require.Equal(t, tc.code, CodeOf(err))
					}
					require.Equal(t, !byHandler, handler.Err() != nil)
					if !byHandler {
						require.Equal(t, tc.code, CodeOf(context.Cause(handler)))
					}
					require.NoError(t, here.Close(), "it is closed")
					require.Error(t, there.Close())
				})
			})
		}
	}
	bothEnds(t, func(_ *world, here, there *ByteStream, _ context.Context) {
		read := make(chan error)
		go func() {
			_, err := there.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		require.NoError(t, here.CloseWithError(CodeQueueFull))
		require.Equal(t, CodeQueueFull, CodeOf(<-read))
		require.Error(t, there.Close())
	})
	bothEnds(t, func(_ *world, here, there *ByteStream, _ context.Context) {
		require.NoError(t, here.CloseWithError(nil))
		_, err := there.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, there.Close())
	})
}

// Whoever reads to the end and has written nothing closes without an error, and is told of an error if something was not taken.
func TestCloseBehindTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		writes int
		code   Code
	}{"nothing written": {0, CodeNone}, "something written": {10, CodeClosed}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				HandleByteStream(w.srv, "down", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
					time.Sleep(time.Second) // the handler returns after the caller has written
					_, err := s.Write([]byte("all"))
					return err
				})
				w.serve()
				s, err := OpenByteStream(w.ctx, w.join(w.client("ada")), "down", nil)
				require.NoError(t, err)
				_, err = s.Write(make([]byte, tc.writes))
				require.NoError(t, err)
				got, err := io.ReadAll(s)
				require.NoError(t, err)
				require.Equal(t, "all", string(got))
				synctest.Wait()
				require.Equal(t, tc.code, CodeOf(s.CloseWrite()))
				require.Equal(t, tc.code, CodeOf(s.Close()))
			})
		})
	}
}

// Over a link that has broken off nothing goes out. Whoever closes a stream in order waits for that until a deadline, or until the stream is ended
// with an error; the other end is told when the link is back.
func TestCloseOverBrokenLink(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(s *ByteStream) error // while somebody waits in Close
		code Code
	}{
		"deadline": {func(s *ByteStream) error { return s.SetWriteDeadline(time.Now()) }, CodeDeadlineExceeded},
		"error":    {func(s *ByteStream) error { return s.CloseWithError(CodeQueueFull) }, CodeQueueFull},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Logger: Silent, Timeouts: Timeouts{Resume: time.Hour}}, func(w *world) {
				ended := &kept[error]{}
				HandleByteStream(w.srv, "bytes", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
					_, err := io.Copy(io.Discard, s)
					ended.Add(err)
					return err
				})
				w.serve()
				net := &network{}
				cl, _ := w.over(net, ClientOptions{Name: "ada", Logger: Silent})
				w.join(cl)
				require.NoError(t, cl.Send("nobody", nil)) // behind which the server knows that the client has its token
				s, err := OpenByteStream(w.ctx, cl, "bytes", nil)
				require.NoError(t, err)
				synctest.Wait()
				net.fail(false)
				synctest.Wait() // until the client knows, what is handed to the link is on its way
				_, err = s.Write(make([]byte, 100))
				require.NoError(t, err)
				require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Second)))
				requireLate(t, s.CloseWrite())
				require.NoError(t, s.SetWriteDeadline(time.Time{}))
				closed := make(chan error, 2)
				go func() { closed <- s.CloseWrite() }()
				go func() { closed <- s.Close() }()
				synctest.Wait()
				require.Empty(t, closed)
				require.NoError(t, tc.end(s))
				for range 2 {
					require.Equal(t, tc.code, CodeOf(<-closed))
				}
				require.Zero(t, cl.Stats().Streams.Open)
				require.Empty(t, ended.All())
				net.mend()
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Len(t, ended.All(), 1)
				require.Equal(t, tc.code, CodeOf(ended.All()[0]))
				require.Zero(t, w.srv.Stats().Streams.Open)
				require.NoError(t, cl.Close())
			})
		})
	}
}

// The collector does nothing to a stream that is over. Its goroutine is not one of the bubble, so an attempt to wake
// somebody there would panic.
func TestCollectorLeavesStreamsThatAreOver(t *testing.T) {
	inWorld(t, &ServerOptions{Logger: Silent}, func(w *world) {
		HandleByteStream(w.srv, "bytes", func(context.Context, *Conn, struct{}, *ByteStream) error {
			time.Sleep(time.Minute)
			return io.ErrUnexpectedEOF
		})
		w.serve()
		cl := w.join(w.client("ada"))
		var open []*ByteStream // the streams must not become garbage before they are over
		for range 20 {
			s, err := OpenByteStream(w.ctx, cl, "bytes", nil)
			require.NoError(t, err)
			require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Second)))
			_, err = s.Read(make([]byte, 1))
			requireLate(t, err)
			open = append(open, s)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, cl.Stats().Streams.Open)
		runtime.KeepAlive(open)
		for range 5 {
			runtime.GC()
		}
	})
}

// fill writes until the other end's program must take something, and returns how much that was.
func fill(t *testing.T, s *ByteStream) (n int) {
	t.Helper()
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Second)))
	n, err := s.Write(pattern(1 << 20))
	requireLate(t, err)
	require.NoError(t, s.SetWriteDeadline(time.Time{}))
	return n
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i / 7)
	}
	return b
}

func requireLate(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, CodeDeadlineExceeded, CodeOf(err))
	require.False(t, IsRemote(err))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	var e *StreamError
	require.ErrorAs(t, err, &e)
}

// A deadline ends waiting, also of who waits already, and the stream goes on: what a Write says it has sent arrives once.
func TestByteStreamDeadlines(t *testing.T) {
	bothEnds(t, func(_ *world, here, there *ByteStream, _ context.Context) {
		begin := time.Now()
		require.NoError(t, here.SetReadDeadline(begin.Add(time.Second)))
		_, err := here.Read(make([]byte, 1))
		requireLate(t, err)
		require.Equal(t, time.Second, time.Since(begin))
		_, err = here.Read(make([]byte, 1)) // it has passed
		requireLate(t, err)
		require.Equal(t, time.Second, time.Since(begin))

		// A Read that waits follows the deadline, whichever way it is moved.
		late := make(chan time.Duration, 1)
		wait := func() {
			_, err := here.Read(make([]byte, 1))
			requireLateOff(late, err, begin)
		}
		require.NoError(t, here.SetReadDeadline(time.Time{}))
		go wait()
		synctest.Wait()
		require.NoError(t, here.SetReadDeadline(begin.Add(5*time.Second)))
		time.Sleep(time.Second)
		require.NoError(t, here.SetReadDeadline(begin.Add(9*time.Second)))
		require.Equal(t, 9*time.Second, <-late)
		require.NoError(t, here.SetReadDeadline(begin.Add(time.Hour)))
		go wait()
		synctest.Wait()
		require.NoError(t, here.SetReadDeadline(begin))
		require.Equal(t, 9*time.Second, <-late)
		require.NoError(t, here.SetReadDeadline(time.Time{}))

		// Two who write wait for credit, and both are late.
		n := fill(t, here)
		require.NoError(t, here.SetDeadline(time.Now().Add(time.Second)))
		two := make(chan error, 2)
		for range 2 {
			go func() {
				k, err := here.Write(make([]byte, 5000))
				if k > 0 {
					err = errors.New("there was credit")
				}
				two <- err
			}()
		}
		requireLate(t, <-two)
		requireLate(t, <-two)
		_, err = here.ReadFrom(bytes.NewReader(make([]byte, 1)))
		requireLate(t, err)
		require.NoError(t, here.SetDeadline(time.Time{}))

		// The rest goes once the other end takes what came.
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(there)
			got <- b
		}()
		_, err = here.Write(pattern(1 << 20)[n:])
		require.NoError(t, err)
		require.NoError(t, here.CloseWrite())
		require.True(t, bytes.Equal(pattern(1<<20), <-got))
		require.NoError(t, there.Close())
		require.NoError(t, here.Close())
	})
}

func requireLateOff(late chan<- time.Duration, err error, begin time.Time) {
	if CodeOf(err) != CodeDeadlineExceeded {
		begin = time.Time{}
	}
	late <- time.Since(begin)
}
