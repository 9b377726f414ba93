package core

import (
	"context"
	"io"
	"iter"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Each end counts the items and bytes of its streams. A server and a client count over all their connections.
func TestStreamStats(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		HandleStream(w.srv, "three", func(_ context.Context, _ *Conn, _ struct{}, send func(string) error) error {
			for range 3 {
				if err := send("12345"); err != nil {
					return err
				}
			}
			return nil
		})
		HandleByteStream(w.srv, "echo", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
			_, err := io.Copy(s, s)
			return err
		})
		HandleByteStream(w.srv, "flood", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
			_, err := s.Write(make([]byte, 1<<20))
			return err
		})
		w.serve()
		ada, bob := w.join(w.client("ada")), w.join(w.client("bob"))
		require.Zero(t, w.srv.Stats().Streams)

		for range Stream[string](w.ctx, ada, "three", nil) {
		}
		s, err := OpenByteStream(w.ctx, bob, "echo", nil)
		require.NoError(t, err)
		_, err = s.Write(make([]byte, 100))
		require.NoError(t, err)
		_, err = io.ReadFull(s, make([]byte, 100))
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, StreamStats{Received: 3, ReceivedBytes: 15}, ada.Stats().Streams)
		require.Equal(t, StreamStats{Sent: 3, SentBytes: 15}, w.conn("ada").Stats().Streams)
		require.Equal(t, StreamStats{Open: 1, SentBytes: 100, ReceivedBytes: 100, Held: 100}, bob.Conn().Stats().Streams)
		require.Equal(t, StreamStats{Open: 1, Sent: 3, SentBytes: 115, ReceivedBytes: 100}, w.srv.Stats().Streams)
		require.NoError(t, s.Close())

		next, stop := iter.Pull2(Stream[string](w.ctx, ada, "three", nil)) // which has sent all and is not taken
		defer stop()
		_, err, _ = next()
		require.NoError(t, err)
		flood, err := OpenByteStream(w.ctx, bob, "flood", nil)
		require.NoError(t, err)
		synctest.Wait()
		held, there := bob.Stats().Streams, w.conn("bob").Stats().Streams
		require.Equal(t, 1, held.Open)
		require.Greater(t, held.Held, 200<<10)
		require.LessOrEqual(t, held.Held, defaultWindow)
		require.Equal(t, 1, there.Open)
		require.Equal(t, held.ReceivedBytes, there.SentBytes, "for more there is no credit")
		require.NoError(t, flood.Close())

		// The items that former connections have carried still count. The bytes that they held do not.
		left, err := OpenByteStream(w.ctx, bob, "flood", nil)
		require.NoError(t, err)
		synctest.Wait()
		before := w.srv.Stats().Streams
		require.NoError(t, ada.Close())
		require.NoError(t, bob.Close())
		synctest.Wait()
		after := w.srv.Stats().Streams
		require.Equal(t, StreamStats{Sent: 6, SentBytes: before.SentBytes, ReceivedBytes: 100}, after)
		require.Zero(t, bob.Stats().Streams.Open)
		require.Equal(t, CodeClosed, CodeOf(left.Close()))
		require.GreaterOrEqual(t, bob.Stats().Streams.ReceivedBytes, held.ReceivedBytes)
	})
}
