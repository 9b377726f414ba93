package transport_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A bare hides all methods of a pipe that a [transport.Stream] does not have.
type bare struct{ transport.Stream }

// A halfCloser is a bare with CloseWrite.
type halfCloser struct {
	transport.Stream
	closer interface{ CloseWrite() error }
}

func (s halfCloser) CloseWrite() error { return s.closer.CloseWrite() }

func TestWrap(t *testing.T) {
	tests := map[string]func() (a, b transport.Stream){
		"net.Pipe": func() (a, b transport.Stream) { return net.Pipe() },
		"stream": func() (a, b transport.Stream) {
			p, q := transport.Pipe()
			return bare{p}, bare{q}
		},
		"stream with CloseWrite": func() (a, b transport.Stream) {
			p, q := transport.Pipe()
			return halfCloser{p, p}, halfCloser{q, q}
		},
	}
	for name, streams := range tests {
		connect := func(t *testing.T) (a, b transport.Conn, stop func()) {
			p, q := streams()
			info := transport.Info{Transport: "test", Local: "here", Remote: "there"}
			return transport.Wrap(p, info), transport.Wrap(q, info), nil
		}
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, connect)
			if name == "stream with CloseWrite" {
				transporttest.RunHalfClose(t, connect)
			}
		})
	}
}

// A recorder is a stream that records its writes.
type recorder struct {
	bare
	writes [][]byte
	fail   error
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.fail != nil {
		return 0, r.fail
	}
	r.writes = append(r.writes, bytes.Clone(p))
	return len(p), nil
}

func TestWrapJoinsBuffers(t *testing.T) {
	const record = 16 << 10
	fill := func(sizes ...int) (bufs [][]byte) {
		for i, size := range sizes {
			bufs = append(bufs, bytes.Repeat([]byte{byte(i + 1)}, size))
		}
		return bufs
	}
	tests := map[string]struct {
		bufs [][]byte
		want []int // size of each write
	}{
		"nothing":              {nil, nil},
		"only empty ones":      {fill(0, 0), nil},
		"one":                  {fill(5), []int{5}},
		"small ones":           {fill(5, 0, 7, 1), []int{13}},
		"full record":          {fill(record-1, 1), []int{record}},
		"more than a record":   {fill(record-1, 2, 3), []int{record, 4}},
		"large one first":      {fill(100_000, 2), []int{100_000, 2}},
		"large one after some": {fill(2, 100_000), []int{record, 100_002 - record}},
		"rest that is small":   {fill(10, record), []int{record, 10}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			want := bytes.Join(tc.bufs, nil)
			r := &recorder{}
			n, err := transport.Wrap(r, transport.Info{}).WriteBuffers(tc.bufs)
			require.NoError(t, err)
			require.Equal(t, int64(len(want)), n)
			var sizes []int
			for _, w := range r.writes {
				sizes = append(sizes, len(w))
			}
			require.Equal(t, tc.want, sizes)
			require.True(t, bytes.Equal(want, bytes.Join(r.writes, nil)), "bytes differ")
		})
	}
}

func TestWrapWriteError(t *testing.T) {
	for name, size := range map[string]int{"small": 3, "large": 50_000} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{fail: io.ErrUnexpectedEOF}
			n, err := transport.Wrap(r, transport.Info{}).WriteBuffers([][]byte{make([]byte, size), {1}})
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Zero(t, n)
		})
	}
}
