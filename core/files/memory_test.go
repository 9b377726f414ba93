//go:build !js

package files

import (
	"context"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// zeros are endless zeros.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// The memory of both ends together does not grow with the size of a file.
func TestFlatMemory(t *testing.T) {
	size, most := int64(64<<20), uint64(32<<20)
	if os.Getenv("HISOCK_SOAK") != "" {
		size = 4 << 30
	}
	s := newScene(t)
	cl, err := core.NewClient(s, &core.ClientOptions{Logger: core.Silent})
	require.NoError(t, err)
	core.HandleByteStream(cl, "take", func(ctx context.Context, _ *core.Conn, _ struct{}, b *core.ByteStream) error {
		_, err := Receive(ctx, b, NewTarget(io.Discard), &Options{MaxSize: -1})
		return err
	})
	<-s.joined
	require.NoError(t, cl.Connect(t.Context()))
	defer cl.Close()
	from, err := NewSource(io.NewSectionReader(zeros{}, 0, size), -1)
	require.NoError(t, err)
	before, peak := inUse(true), uint64(0)
	got, err := Upload(t.Context(), <-s.joined, "take", nil, from, &Options{Progress: func(p Progress) {
		if p.Done > 0 {
			peak = max(peak, inUse(false))
		}
	}})
	require.NoError(t, err)
	require.Equal(t, size, got.Size)
	require.Less(t, peak, before+most)
	t.Logf("soak: %d MiB, memory grew by %d KiB at most", size>>20, int64(peak-before)>>10)
}

// inUse returns the bytes of memory that the program uses.
func inUse(collect bool) uint64 {
	if collect {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
