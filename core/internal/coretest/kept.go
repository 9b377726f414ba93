package coretest

import (
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/shape"
)

// Kept collects values that handlers get. All methods are safe for concurrent use.
type Kept[T any] struct {
	mu  sync.Mutex
	got []T
}

// Add appends v.
func (k *Kept[T]) Add(v T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, v)
}

// All returns all values.
func (k *Kept[T]) All() []T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]T(nil), k.got...)
}

// Take returns the values that were added since the last Take.
func (k *Kept[T]) Take() []T {
	k.mu.Lock()
	defer k.mu.Unlock()
	got := k.got
	k.got = nil
	return got
}

// Wants waits until the synctest bubble is idle, and checks the values that were added since the last Take or Wants.
func (k *Kept[T]) Wants(t *testing.T, want ...T) {
	t.Helper()
	synctest.Wait()
	require.Equal(t, want, k.Take())
}

// Codec is JSON in every build, so that the same tests run in the build for browsers.
type Codec struct{}

func (Codec) Marshal(v any) ([]byte, error)   { return json.Marshal(shape.Addressable(v)) }
func (Codec) Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }
