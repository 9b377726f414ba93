//go:build !js

package streams_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/e2e/harness"
)

// Each item of streams of each kind arrives once and in order, both ways, over links that are cut
// again and again.
func TestStreamsGoOnAfterCuts(t *testing.T) {
	most := uint64(60)
	if os.Getenv("HISOCK_SOAK") != "" {
		most = 1500
	}
	for _, medium := range harness.Sockets {
		t.Run(medium, func(t *testing.T) {
			p := newPair(t, harness.Open(t, medium), 0, 0)
			var stop atomic.Bool
			var items atomic.Int64
			count := func(int) { items.Add(1) }
			sizes := map[string]int{"stream": 20_000, "upload": 20_000, "exchange": 10_000, "bytes": 2 << 20}
			ended := make(chan error, len(programs))
			for name, run := range programs {
				at := count
				if name == "bytes" {
					at = nil
				}
				go func() {
					rng := rand.New(rand.NewPCG(1, uint64(len(name))))
					for !stop.Load() {
						if err := run(p.ctx, p.cl, rng.IntN(sizes[name]), at); err != nil {
							ended <- fmt.Errorf("%s: %w", name, err)
							return
						}
					}
					ended <- nil
				}()
			}
			rng := rand.New(rand.NewPCG(2, 2))
			for p.srv.Stats().Resumed < most && len(ended) == 0 {
				time.Sleep(time.Duration(rng.IntN(15)) * time.Millisecond)
				p.cut()
			}
			stop.Store(true)
			for range programs {
				require.NoError(t, <-ended)
			}
			t.Logf("soak: streams over %s: %d resumes, %d items, 0 lost, 0 twice", medium, p.srv.Stats().Resumed, items.Load())
			p.close(t)
		})
	}
}
