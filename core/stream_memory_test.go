//go:build !js

package core

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that opens streams and takes nothing costs a window for each at one end, and the bytes that wait for credit
// at the other. Neither grows. The connection and its other streams go on.
func TestStreamsThatNobodyTakes(t *testing.T) {
	const many = 10
	inWorld(t, nil, func(w *world) {
		HandleByteStream(w.srv, "endless", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
			_, err := io.Copy(s, endless{})
			return err
		})
		HandleByteStream(w.srv, "idle", func(ctx context.Context, _ *Conn, _ struct{}, _ *ByteStream) error {
			<-ctx.Done()
			return ctx.Err()
		})
		HandleStream(w.srv, "count", func(_ context.Context, _ *Conn, n int, send func(int) error) error {
			for i := range n {
				if err := send(i); err != nil {
					return err
				}
			}
			return nil
		})
		Handle(w.srv, "add", func(_ context.Context, _ *Conn, n int) (int, error) { return n + 1, nil })
		w.serve()
		cl := w.join(w.client("ada"))
		c := w.conn("ada")
		ctx, cancel := context.WithCancel(w.ctx)
		before := w.srv.Stats().Memory
		var open []*ByteStream // the streams must not become garbage
		for range many {
			down, err := OpenByteStream(ctx, cl, "endless", nil)
			require.NoError(t, err)
			_, err = down.Read(make([]byte, 1))
			require.NoError(t, err)
			up, err := OpenByteStream(ctx, cl, "idle", nil)
			require.NoError(t, err)
			go io.Copy(up, endless{}) //nolint:errcheck // until the context ends
			open = append(open, down, up)
		}
		settle()
		filled := func() (here, there StreamStats) {
			here, there = cl.Stats().Streams, c.Stats().Streams
			for _, s := range []StreamStats{here, there} {
				require.Equal(t, 2*many, s.Open)
				require.Greater(t, s.Held, many*defaultWindow*9/10)
				require.LessOrEqual(t, s.Held, many*defaultWindow)
				require.Zero(t, s.Waiting, "who sends waits")
			}
			require.Less(t, w.srv.Stats().Memory-before, many*2*defaultWindow)
			return here, there
		}
		here, there := filled()

		n, err := Call[int](w.ctx, cl, "add", 1)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		items := 0
		for _, err := range Stream[int](w.ctx, cl, "count", 20_000) {
			require.NoError(t, err)
			items++
		}
		require.Equal(t, 20_000, items)
		settle()
		here2, there2 := filled()
		require.Equal(t, here.ReceivedBytes, here2.ReceivedBytes-(there2.SentBytes-there.SentBytes), "no more for those")
		require.Equal(t, there.ReceivedBytes, there2.ReceivedBytes)

		cancel()
		synctest.Wait()
		require.Zero(t, cl.Stats().Streams.Open)
		require.Zero(t, w.srv.Stats().Streams.Open)
		for _, s := range open {
			require.Error(t, s.Close())
		}
	})
}

// settle waits until all that is under way has come. A reader rests for a while after it has woken a receiver.
func settle() {
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

// The window of a client that has taken all so far grows, and then the client stops: the stream holds the window and its part of the growth.
func TestStreamGrowth(t *testing.T) {
	for name, tc := range map[string]struct{ growth, least, most int }{
		"default":   {0, defaultWindow * 2, defaultWindow * 3},
		"a little":  {defaultWindow, defaultWindow, defaultWindow * 3 / 2},
		"no growth": {-1, defaultWindow / 2, defaultWindow},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				HandleByteStream(w.srv, "endless", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
					_, err := io.Copy(s, endless{})
					return err
				})
				w.serve()
				cl := w.join(newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}, StreamGrowth: tc.growth, Retry: Retry{Off: true}}))
				s, err := OpenByteStream(w.ctx, cl, "endless", nil)
				require.NoError(t, err)
				_, err = io.CopyN(io.Discard, s, 16<<20)
				require.NoError(t, err)
				settle()
				held := cl.Stats().Streams.Held
				for tries := 0; held <= tc.least && tries < 100; tries++ { // a part of the window may not have been granted again yet
					_, err = io.CopyN(io.Discard, s, 16<<10)
					require.NoError(t, err)
					settle()
					held = cl.Stats().Streams.Held
				}
				require.Greater(t, held, tc.least)
				require.LessOrEqual(t, held, tc.most+64<<10, "what is being taken included")
				require.NoError(t, s.CloseWithError(errStreamOver))
			})
		})
	}
}
