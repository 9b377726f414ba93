//go:build !js

package budget

import (
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSystemMemory(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is known": {want: math.MaxInt64},
		"machine": {
			files: map[string]string{"/proc/meminfo": "MemTotal:        8000 kB\nMemFree: 1 kB\n"}, want: 8000 << 10,
		},
		"control group": {
			files: map[string]string{
				"/proc/meminfo": "MemTotal:        8000 kB\n", "/proc/self/cgroup": "0::/a/b\n",
				"/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "4096000\n",
			}, want: 4096000,
		},
		"root of a container": {
			files: map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "123456789\n"}, want: 123456789,
		},
		"version 1": {
			files: map[string]string{
				"/proc/self/cgroup": "12:cpu:/x\n5:memory:/docker/1\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
				"/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "777\n",
			}, want: 777,
		},
		"what cannot be": {
			files: map[string]string{"/proc/meminfo": "MemTotal: -1 kB\n", "/proc/self/cgroup": "junk\n0::/../..\n"}, want: math.MaxInt64,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, systemMemory(func(name string) ([]byte, error) {
				if text, ok := tc.files[name]; ok {
					return []byte(text), nil
				}
				return nil, os.ErrNotExist
			}))
		})
	}
}

// The limit of the Go runtime counts if it is less.
func TestDefaultLimit(t *testing.T) {
	require.Positive(t, DefaultLimit())
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(100 << 20))
	require.Equal(t, 50<<20, DefaultLimit())
}
