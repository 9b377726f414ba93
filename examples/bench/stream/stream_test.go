package stream

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/bench/items"
)

// serveSpoiled sends items as the floor's server does, but sends spoil's result in place of the
// n-th item.
func serveSpoiled(t *testing.T, size int, spoil func(n uint64, item []byte) [][]byte) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		var header [4]byte
		if _, err := io.ReadFull(nc, header[:]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(header[:]))); err != nil {
			return
		}
		send := func(b []byte) {
			b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
			if _, failed := nc.Write(b); err == nil {
				err = failed
			}
		}
		send([]byte("ready"))
		ring := items.NewRing(size)
		for n := uint64(0); err == nil; n++ {
			for _, b := range spoil(n, ring.At(n)) {
				send(b)
			}
		}
	}()
	return l.Addr().String()
}

func TestItemsFindsFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(n uint64, item []byte) [][]byte
		want  string // "" for no fault
	}{
		"none": {func(_ uint64, b []byte) [][]byte { return [][]byte{b} }, ""},
		"one is lost": {func(n uint64, b []byte) [][]byte {
			if n == 5 {
				return nil
			}
			return [][]byte{b}
		}, "another item came in place of item 5"},
		"one comes twice": {func(n uint64, b []byte) [][]byte {
			if n == 5 {
				return [][]byte{b, b}
			}
			return [][]byte{b}
		}, "another item came in place of item 6"},
		"one is short": {func(n uint64, b []byte) [][]byte {
			if n == 5 {
				return [][]byte{b[:len(b)-1]}
			}
			return [][]byte{b}
		}, "an item of 99 bytes"},
		"it stops": {func(n uint64, b []byte) [][]byte {
			if n == 5 {
				select {}
			}
			return [][]byte{b}
		}, "no item came"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "it stops" {
				patience = 100 * time.Millisecond
				defer func() { patience = defaultPatience }()
			}
			cpu := func() (time.Duration, error) { return 0, nil }
			r, err := Items("by hand", serveSpoiled(t, 100, tc.spoil), 100, 20*time.Millisecond, 20*time.Millisecond, cpu)
			if tc.want == "" {
				require.NoError(t, err)
				require.Positive(t, r.Items)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := Items("nobody", "", 100, 0, 0, nil)
	require.ErrorContains(t, err, `no client "nobody"`)
}
