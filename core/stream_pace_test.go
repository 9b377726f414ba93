//go:build !js

package core

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// endless has bytes without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A counter counts the bytes that are written to it. Any goroutine may read the count meanwhile.
type counter struct{ n atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }

// Nearly each small call takes at most twice as long beside streams at full speed over a slow path as alone, also beside streams in both
// directions. The path is used, and streams of one direction share it.
func TestCallBesideStreams(t *testing.T) {
	const rate = 1_000_000 // bytes a second: 8 Mbit/s
	for _, delay := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		for name, ways := range map[string]struct{ down, up, slower int }{
			"down": {1, 0, 1}, "up": {0, 1, 1}, "both": {1, 1, 1}, "both, slower up": {1, 1, 4}, "four": {4, 0, 1},
		} {
			t.Run(fmt.Sprint(name, " ", 2*delay), func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					t := w.t
					received := make([]counter, ways.down+ways.up)
					HandleByteStream(w.srv, "down", func(ctx context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
						_, err := io.Copy(s, endless{})
						return err
					})
					HandleByteStream(w.srv, "up", func(ctx context.Context, _ *Conn, i int, s *ByteStream) error {
						_, err := io.Copy(&received[i], s)
						return err
					})
					Handle(w.srv, "add", func(_ context.Context, _ *Conn, n int) (int, error) { return n + 1, nil })
					w.serve()
					cl := newTestClient(&path{w.lis, rate, rate / ways.slower, delay, 512 << 10}, &ClientOptions{Name: "ada", Codec: testCodec{}, Retry: Retry{Off: true}})
					w.join(cl)
					call := func() time.Duration {
						begin := time.Now()
						_, err := Call[int](w.ctx, cl, "add", 1)
						require.NoError(t, err)
						return time.Since(begin)
					}
					alone := call()
					ctx, cancel := context.WithCancel(w.ctx)
					for i := range received {
						if i < ways.down {
							s, err := OpenByteStream(ctx, cl, "down", nil)
							require.NoError(t, err)
							go io.Copy(&received[i], s) //nolint:errcheck // until the context ends
							continue
						}
						s, err := OpenByteStream(ctx, cl, "up", i)
						require.NoError(t, err)
						go io.Copy(s, endless{}) //nolint:errcheck // until the context ends
					}
					var most, first, all time.Duration
					var each []time.Duration
					const calls = 300
					begin, before := time.Now(), make([]int, len(received))
					for i := range calls {
						if i == calls/10 { // the window has been found by then
							begin, before, first, most = time.Now(), counts(received), most, 0
							each = nil
						}
						time.Sleep(37 * time.Millisecond)
						took := call()
						most = max(most, took)
						all += took
						each = append(each, took)
					}
					used := counts(received) // and then per cent of the path that each stream has used
					for i := range used {
						way := rate
						if i >= ways.down {
							way /= ways.slower
						}
						used[i] = int(100 * float64(used[i]-before[i]) / time.Since(begin).Seconds() / float64(way))
					}
					slices.Sort(each)
					t.Logf("a call takes %v alone, %v beside at most, %v for 98 of 100, %v in the mean; used of the path: %v %%", alone, most, each[len(each)*98/100], all/calls, used)
					require.LessOrEqual(t, first, 3*alone)
					require.LessOrEqual(t, each[len(each)*98/100], 2*alone)
					require.LessOrEqual(t, most, 3*alone)
					if ways.down*ways.up == 0 {
						for _, n := range used { // each stream has its share
							require.Greater(t, n, 58/len(used))
						}
					} else {
						require.Greater(t, used[0]+used[1], 65, "the directions share what calls may wait")
						require.Greater(t, min(used[0], used[1]), 1)
					}
					cancel()
					synctest.Wait()
				})
			})
		}
	}
}

func counts(of []counter) (n []int) {
	for i := range of {
		n = append(n, int(of[i].n.Load()))
	}
	return n
}
