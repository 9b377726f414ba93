package ahead

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// pool counts the buffers that are lent.
type pool struct{ lent int }

const size = 16

func (p *pool) Get() []byte { p.lent++; return make([]byte, size) }
func (p *pool) Put([]byte)  { p.lent-- }

// plain is a stream that cannot wait without a buffer.
type plain struct{ transport.Conn }

func TestReader(t *testing.T) {
	tests := map[string]struct {
		peer func(t *testing.T, far transport.Conn, r *Reader)
		want string
		err  error
	}{
		"nothing comes": {func(*testing.T, transport.Conn, *Reader) {}, "", os.ErrDeadlineExceeded},
		"it hangs up":   {func(_ *testing.T, far transport.Conn, _ *Reader) { far.Close() }, "", io.EOF}, //nolint:errcheck // as asked
		"behind what it says": {func(t *testing.T, far transport.Conn, _ *Reader) {
			write(t, far, "one")
			write(t, far, "two")
			far.Close() //nolint:errcheck // as asked
		}, "onetwo", io.EOF},
		"more than fits": {func(t *testing.T, far transport.Conn, _ *Reader) {
			write(t, far, "0123456789abcdefghij")
			far.Close() //nolint:errcheck // as asked
		}, "0123456789abcdef", nil},
		"stopped": {func(t *testing.T, far transport.Conn, r *Reader) {
			r.Stop()
			write(t, far, "the read that was under way")
			far.Close() //nolint:errcheck // as asked
		}, "the read that wa", nil},
	}
	for name, tc := range tests {
		for kind, wrap := range map[string]func(transport.Conn) transport.Conn{
			"ready": func(c transport.Conn) transport.Conn { return c },
			"plain": func(c transport.Conn) transport.Conn { return plain{c} },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := transport.Pipe()
					require.NoError(t, near.SetReadDeadline(time.Now().Add(time.Minute)))
					p := &pool{}
					r := New(wrap(near), p)
					ran := make(chan error, 1)
					go func() { ran <- r.Run() }()
					synctest.Wait()
					require.NoError(t, r.Ended())
					if kind == "ready" {
						require.Zero(t, p.lent, "it waits without a buffer")
					}
					tc.peer(t, far, r)
					synctest.Wait()
					r.Stop()
					got, err := "", error(nil)
					for {
						var b []byte
						if b, err = r.Take(); len(b) == 0 {
							break
						}
						got += string(b)
					}
					require.Equal(t, tc.want, got)
					require.True(t, errors.Is(err, tc.err) || tc.err == os.ErrDeadlineExceeded && isTimeout(err), "%v", err)
					require.Equal(t, err, <-ran)
					require.Equal(t, err, r.Ended())
					require.Zero(t, p.lent)
					far.Close()  //nolint:errcheck // it is over
					near.Close() //nolint:errcheck // it is over
				})
			})
		}
	}
}

func write(t *testing.T, c transport.Conn, s string) {
	t.Helper()
	_, err := c.Write([]byte(s))
	require.NoError(t, err)
}

// Bytes that were read are taken while a read is under way.
func TestTakeDuringRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := transport.Pipe()
		p := &pool{}
		r := New(near, p)
		ran := make(chan error, 1)
		go func() { ran <- r.Run() }()
		write(t, far, "one")
		synctest.Wait()
		r.Stop()
		b, err := r.Take()
		require.NoError(t, err)
		require.Equal(t, "one", string(b))
		write(t, far, "two")
		b, err = r.Take()
		require.NoError(t, err)
		require.Equal(t, "two", string(b))
		b, err = r.Take()
		require.NoError(t, err)
		require.Empty(t, b)
		require.Zero(t, p.lent)
		require.NoError(t, <-ran)
		far.Close()  //nolint:errcheck // it is over
		near.Close() //nolint:errcheck // it is over
	})
}

// stubborn returns neither a byte nor an error, which no stream may do for ever.
type stubborn struct{ plain }

func (stubborn) Read([]byte) (int, error) { return 0, nil }

func TestReaderOfNoProgress(t *testing.T) {
	r := New(stubborn{}, &pool{})
	require.ErrorIs(t, r.Run(), io.ErrNoProgress)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
