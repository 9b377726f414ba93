package ready

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sink is a connection that accepts a number of bytes and then fails.
type sink struct {
	net.Conn
	got   bytes.Buffer
	sizes []int
	room  int
}

var errFull = errors.New("full")

func (s *sink) Write(p []byte) (int, error) {
	n := min(len(p), s.room-s.got.Len())
	s.sizes = append(s.sizes, n)
	s.got.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// cut splits all into buffers of the given sizes.
func cut(all []byte, sizes []int) (bufs [][]byte) {
	for _, n := range sizes {
		bufs, all = append(bufs, all[:n:n]), all[n:]
	}
	return bufs
}

func TestWriter(t *testing.T) {
	all := make([]byte, 1<<20)
	for i := range all {
		all[i] = byte(i / 251)
	}
	const k = 1 << 10
	cases := map[string]struct {
		bufs   []int
		writes []int // sizes of the writes that a sink sees; it takes one buffer at a time
	}{
		"nothing":              {nil, nil},
		"small":                {[]int{10}, []int{10}},
		"just not large":       {[]int{64*k - 1}, []int{64*k - 1}},
		"large":                {[]int{64 * k}, []int{48 * k, 16 * k}},
		"very large":           {[]int{200 * k}, []int{48 * k, 48 * k, 48 * k, 56 * k}},
		"several":              {[]int{60 * k, 60 * k, 5}, []int{60 * k, 60 * k, 5}},
		"large behind small":   {[]int{5, 100 * k}, []int{5, 48 * k, 52 * k}},
		"small behind large":   {[]int{100 * k, 5, 6}, []int{48 * k, 52 * k, 5, 6}},
		"large behind large":   {[]int{64 * k, 64 * k}, []int{48 * k, 16 * k, 48 * k, 16 * k}},
		"large between smalls": {[]int{1, 2, 70 * k, 3}, []int{1, 2, 48 * k, 22 * k, 3}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			total := 0
			for _, n := range tc.bufs {
				total += n
			}
			var w Writer
			to := &sink{room: total}
			n, err := w.WriteBuffers(to, cut(all, tc.bufs))
			require.NoError(t, err)
			require.EqualValues(t, total, n)
			require.Equal(t, tc.writes, to.sizes)
			require.True(t, bytes.Equal(all[:total], to.got.Bytes()))

			for room := 0; room < total; room += 1 + total/50 { // the result counts all written bytes
				to := &sink{room: room}
				n, err := w.WriteBuffers(to, cut(all, tc.bufs))
				require.Equal(t, errFull, err)
				require.EqualValues(t, room, n)
				require.True(t, bytes.Equal(all[:room], to.got.Bytes()))
			}
			if len(tc.bufs) == 1 {
				to := &sink{room: total}
				n, err := w.Write(to, all[:total])
				require.NoError(t, err)
				require.Equal(t, total, n)
				require.Equal(t, tc.writes, to.sizes)
			}
		})
	}
}

func TestWriterOverSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer near.Close()
	far, err := l.Accept()
	require.NoError(t, err)
	defer far.Close()

	read := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(far)
		read <- b
	}()
	all := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	var w Writer
	sizes := []int{7, 100 << 10, 3 << 10, 4 << 10, 90 << 10}
	n, err := w.WriteBuffers(near, cut(all, sizes))
	require.NoError(t, err)
	require.Equal(t, int64(197<<10+7), n)
	require.NoError(t, near.Close())
	require.True(t, bytes.Equal(all[:n], <-read))
}
