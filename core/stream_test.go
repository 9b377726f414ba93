package core

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStreamItems(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		HandleStream(w.srv, "count", func(_ context.Context, _ *Conn, n int, send func(int) error) error {
			for i := range n {
				if err := send(i); err != nil {
					return err
				}
			}
			return nil
		})
		HandleUpload(w.srv, "sum", func(_ context.Context, _ *Conn, from int, items iter.Seq2[int, error]) (int, error) {
			for n, err := range items {
				if err != nil {
					return 0, err
				}
				from += n
			}
			return from, nil
		})
		HandleExchange(w.srv, "upper", func(_ context.Context, _ *Conn, _ struct{}, items iter.Seq2[string, error], send func(string) error) error {
			for s, err := range items {
				if err != nil {
					return err
				}
				if err = send(strings.ToUpper(s)); err != nil {
					return err
				}
			}
			return nil
		})
		HandleByteStream(w.srv, "echo", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
			_, err := io.Copy(s, s)
			return err
		})
		w.serve()
		cl := w.join(w.client("ada"))
		ctx := context.Background()

		var got []int
		for n, err := range Stream[int](ctx, cl, "count", 20_000) {
			require.NoError(t, err)
			got = append(got, n)
		}
		require.Len(t, got, 20_000)
		require.True(t, slices.IsSorted(got))

		sum, err := Upload[int](ctx, cl, "sum", 1, slices.Values(got))
		require.NoError(t, err)
		require.Equal(t, 1+20_000*19_999/2, sum)

		var texts []string
		for s, err := range Exchange[string](ctx, cl, "upper", nil, slices.Values([]string{"a", "b", "c"})) {
			require.NoError(t, err)
			texts = append(texts, s)
		}
		require.Equal(t, []string{"A", "B", "C"}, texts)

		b, err := OpenByteStream(ctx, cl, "echo", nil)
		require.NoError(t, err)
		long := strings.Repeat("0123456789abcdef", 100_000)
		sent := make(chan error, 1)
		go func() {
			_, err := io.Copy(b, strings.NewReader(long))
			if err == nil {
				err = b.CloseWrite()
			}
			sent <- err
		}()
		back, err := io.ReadAll(b)
		require.NoError(t, err)
		require.NoError(t, <-sent)
		require.True(t, long == string(back))
		require.NoError(t, b.Close())
	})
}
