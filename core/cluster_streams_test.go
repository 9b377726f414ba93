//go:build !js

package core_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// streamer adds the handlers of streams that the tests need to a client that is not connected yet.
func streamer(c *clusterClient, ended chan<- error) {
	core.HandleStream(c, "count", func(ctx context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleStream(c, "fail", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return &core.Error{Code: core.CodeApplication + 7, Message: "no", RetryAfter: time.Second, Details: []byte("why")}
	})
	core.HandleStream(c, "for ever", func(ctx context.Context, _ *core.Conn, _ int, send func(int) error) error {
		err := send(1)
		<-ctx.Done()
		for err == nil { // the context may end just before the stream does
			err = send(2)
		}
		ended <- err
		return err
	})
	core.HandleUpload(c, "sum", func(_ context.Context, _ *core.Conn, most int, items iter.Seq2[int, error]) (sum int, err error) {
		n := 0
		for v, err := range items {
			if err != nil {
				ended <- err
				return 0, err
			}
			sum += v
			if n++; n == most {
				break
			}
		}
		return sum, nil
	})
	core.HandleExchange(c, "double", func(_ context.Context, _ *core.Conn, _ string, items iter.Seq2[int, error], send func(int) error) error {
		for v, err := range items {
			if err != nil {
				return err
			}
			if err = send(2 * v); err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleByteStream(c, "upper", func(_ context.Context, _ *core.Conn, _ string, s *core.ByteStream) error {
		b, err := io.ReadAll(s)
		if err == nil {
			_, err = s.Write(bytes.ToUpper(b))
		}
		return err
	})
}

// inFarScene runs f with a client at the second node, and a handle of it at the first one.
func inFarScene(t *testing.T, set clusterSetting, f func(t *testing.T, s *clusterScene, far *core.Remote, ended chan error)) {
	set.nodes = max(set.nodes, 2)
	inCluster(t, set, func(t *testing.T, s *clusterScene) {
		ended := make(chan error, 100)
		bob := s.client(s.nodes[1], "bob", "")
		streamer(bob, ended)
		require.NoError(t, bob.Connect(t.Context()))
		s.pass(10 * time.Millisecond)
		far, err := s.nodes[0].srv.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		f(t, s, far, ended)
	})
}

func counts(seq iter.Seq2[int, error]) (n int, err error) {
	for v, err := range seq {
		if err != nil {
			return n, err
		}
		if v != n {
			return n, core.NewError(core.CodeInternal, "out of order: "+strconv.Itoa(v))
		}
		n++
	}
	return n, nil
}

func TestStreamsAcrossNodes(t *testing.T) {
	inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, _ chan error) {
		ctx := t.Context()
		for _, n := range []int{0, 1, 3, 20000} {
			got, err := counts(core.Stream[int](ctx, far, "count", n))
			require.NoError(t, err)
			require.Equal(t, n, got)
			numbers := slices.Repeat([]int{3}, n)
			sum, err := core.Upload[int](ctx, far, "sum", -1, slices.Values(numbers))
			require.NoError(t, err)
			require.Equal(t, 3*n, sum)
			total := 0
			for v, err := range core.Exchange[int](ctx, far, "double", "", slices.Values(numbers)) {
				require.NoError(t, err)
				total += v
			}
			require.Equal(t, 6*n, total)
		}
		sum, err := core.Upload[int](ctx, far, "sum", 10, func(yield func(int) bool) {
			for yield(1) {
			}
		})
		require.NoError(t, err)
		require.Equal(t, 10, sum, "the answer comes before all items are sent")

		for _, n := range []int{0, 1, 1 << 20} {
			b, err := core.OpenByteStream(ctx, far, "upper", "")
			require.NoError(t, err)
			written := make(chan error, 1)
			go func() {
				_, err := io.Copy(b, strings.NewReader(strings.Repeat("x", n)))
				if err == nil {
					err = b.CloseWrite()
				}
				written <- err
			}()
			got, err := io.ReadAll(b)
			require.NoError(t, err)
			require.NoError(t, <-written)
			require.Equal(t, strings.Repeat("X", n), string(got))
			require.NoError(t, b.Close())
		}
		s.pass(3 * time.Second)
		for _, n := range s.nodes {
			require.Zero(t, n.srv.Stats().Streams.Open)
			require.Zero(t, n.srv.Stats().Relay.Refused)
			require.Zero(t, n.srv.Stats().Relay.Lost)
		}
	})
}

func TestErrorsOfStreamsAcrossNodes(t *testing.T) {
	inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, ended chan error) {
		var why *core.StreamError
		n, err := counts(core.Stream[int](t.Context(), far, "fail", 5))
		require.Equal(t, 5, n)
		require.ErrorAs(t, err, &why)
		require.True(t, core.IsRemote(err))
		require.Equal(t, core.CodeApplication+7, core.CodeOf(err))
		require.EqualValues(t, 5, why.Taken)
		details, err := core.Details[[]byte](err)
		require.NoError(t, err)
		require.Equal(t, "why", string(details))

		_, err = counts(core.Stream[int](t.Context(), far, "nothing of the kind", 5))
		require.Equal(t, core.CodeUnknownCommand, core.CodeOf(err))
		require.True(t, core.IsRemote(err), "the client says so")
		gone := s.nodes[0].srv.Cluster().Remote(core.ClientID{Node: far.ID.Node, Conn: 99})
		_, err = counts(core.Stream[int](t.Context(), gone, "count", 5))
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		require.False(t, core.IsRemote(err), "no client says so")

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, err = range core.Stream[int](ctx, far, "for ever", 0) {
			cancel()
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, core.CodeCanceled, core.CodeOf(<-ended))
		for range core.Stream[int](t.Context(), far, "for ever", 0) {
			break
		}
		require.Equal(t, core.CodeCanceled, core.CodeOf(<-ended))

		b, err := core.OpenByteStream(t.Context(), far, "upper", "")
		require.NoError(t, err)
		require.NoError(t, b.CloseWithError(&core.Error{Code: core.CodeApplication, Message: "enough", Details: []byte("of it")}))
		s.pass(3 * time.Second)
		for _, n := range s.nodes {
			require.Zero(t, n.srv.Stats().Streams.Open)
		}
	})
}

// A client at another node that takes nothing costs the windows, and no more; then all comes in order.
func TestSlowClientOfAnotherNode(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		bob := s.client(s.nodes[1], "bob", "")
		begin := make(chan struct{})
		core.HandleUpload(bob, "slow", func(_ context.Context, _ *core.Conn, _ string, items iter.Seq2[[]byte, error]) (n int, err error) {
			<-begin
			for item, err := range items {
				if err != nil {
					return n, err
				}
				if want := strconv.Itoa(n); string(item[:len(want)]) != want {
					return n, core.NewError(core.CodeApplication, "out of order")
				}
				n++
			}
			return n, nil
		})
		core.HandleStream(bob, "quick", func(ctx context.Context, _ *core.Conn, _ string, send func([]byte) error) error {
			for range 4000 {
				if err := send(make([]byte, 1000)); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, bob.Connect(t.Context()))
		s.pass(10 * time.Millisecond)
		a, b := s.nodes[0].srv, s.nodes[1].srv
		far, err := a.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		const total = 4000
		made := 0
		ended := make(chan error, 1)
		go func() {
			n, err := core.Upload[int](t.Context(), far, "slow", "", func(yield func([]byte) bool) {
				for made < total && yield(append([]byte(strconv.Itoa(made)), make([]byte, 1000)...)) {
					made++
				}
			})
			if err == nil && n != total {
				err = core.NewError(core.CodeInternal, strconv.Itoa(n))
			}
			ended <- err
		}()
		s.pass(5 * time.Second)
		stuck := made
		require.Less(t, stuck, 1000, "windows of 64 KiB, and what waits in between")
		require.Less(t, a.Stats().Relay.Waiting, 64<<10)
		require.Less(t, b.Stats().Relay.Waiting, 64<<10)
		s.pass(5 * time.Second)
		require.Equal(t, stuck, made)
		require.NoError(t, a.Named("bob").Send("say", "hi"))
		s.wants("say hi", bob)
		close(begin)
		require.NoError(t, <-ended)

		n := 0
		for item, err := range core.Stream[[]byte](t.Context(), far, "quick", "") {
			require.NoError(t, err)
			require.Len(t, item, 1000)
			if n++; n == 10 {
				s.pass(5 * time.Second)
				require.Less(t, b.Stats().Relay.Waiting, 64<<10)
				require.Less(t, b.Stats().Streams.Waiting+b.Stats().Streams.Held+a.Stats().Streams.Held, 1<<20)
			}
		}
		require.Equal(t, total, n)
	})
}

// A node opens no more streams to its clients for others than it answers questions.
func TestManyStreamsFromAnotherNode(t *testing.T) {
	inFarScene(t, clusterSetting{options: func(_ int, o *core.ServerOptions) { o.Cluster.MaxQuestions = 3 }}, func(t *testing.T, s *clusterScene, far *core.Remote, _ chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 10)
		for range 10 {
			go func() {
				var err error
				for _, err = range core.Stream[int](ctx, far, "for ever", 0) {
				}
				failed <- err
			}()
		}
		for range 7 {
			err := <-failed
			require.Equal(t, core.CodeTooManyCalls, core.CodeOf(err))
			require.False(t, core.IsRemote(err))
		}
		cancel()
		for range 3 {
			require.ErrorIs(t, <-failed, context.Canceled)
		}
		s.pass(time.Second)
		_, err := counts(core.Stream[int](t.Context(), far, "count", 5))
		require.NoError(t, err)
	})
}

// The error of a stream says how much has reached the client, also if the client's node cannot say so any more.
func TestHowFarAStreamCame(t *testing.T) {
	for name, end := range map[string]func(s *clusterScene){
		"the client goes":        func(s *clusterScene) { s.clients[0].Close() }, //nolint:errcheck // nothing to be done about it
		"the client's node dies": func(s *clusterScene) { s.nodes[1].way.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, ended chan error) {
				failed := make(chan error, 1)
				go func() {
					_, err := core.Upload[int](context.Background(), far, "sum", -1, func(yield func(int) bool) {
						for range 20000 {
							if !yield(1) {
								return
							}
						}
						for yield(1) {
							time.Sleep(time.Second)
						}
					})
					failed <- err
				}()
				s.pass(5 * time.Second)
				end(s)
				s.pass(8 * time.Second)
				var why *core.StreamError
				require.ErrorAs(t, <-failed, &why)
				require.GreaterOrEqual(t, why.Sent, uint64(20000))
				require.Greater(t, why.Delivered, uint64(1000), "what a probe has found to have arrived")
				require.LessOrEqual(t, why.Delivered, why.Sent)
				require.Error(t, <-ended)
			})
		})
	}
}
