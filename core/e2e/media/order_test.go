//go:build !js

package media_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/transport/transporttest"
)

// written waits until all that was sent has been written: the peer may have a message before the
// writer has noticed.
func written(t *testing.T, c *core.Conn) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stats().Waiting == 0 }, transporttest.Patience, time.Millisecond)
}

// All commands of each side arrive at the other side once and in order, and so do the answers.
func TestOrderBothWays(t *testing.T) {
	const commands = 2000
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		heard := make(chan int, commands)
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			core.On(s.Server, "count", func(_ context.Context, c *core.Conn, i int) error {
				heard <- i
				return c.Send("counted", i)
			})
		})
		answers := make(chan int, commands)
		cl := s.Join("ada", n, func(cl *core.Client) {
			core.On(cl, "counted", func(_ context.Context, _ *core.Conn, i int) error {
				answers <- i
				return nil
			})
		})
		for i := range commands {
			require.NoError(t, cl.Send("count", i))
		}
		for i := range commands {
			require.Equal(t, i, coretest.Next(t, heard))
		}
		for i := range commands {
			require.Equal(t, i, coretest.Next(t, answers))
		}
		_, err := core.Call[string](s.Ctx, cl, "echo", "that was all")
		require.NoError(t, err)
		require.Empty(t, heard)
		require.Empty(t, answers)
		s.WantQuiet()
	})
}

// Commands and raw messages of one side keep one order, in both directions at the same time.
func TestOrderOfKinds(t *testing.T) {
	const messages = 500
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		toServer, toClient := make(chan string, 2*messages), make(chan string, 2*messages)
		into := func(got chan string) func(context.Context, *core.Conn, core.Frame) error {
			return func(_ context.Context, _ *core.Conn, f core.Frame) error {
				got <- f.Kind.String() + " " + string(f.Payload)
				return nil
			}
		}
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) { s.Server.OnMessage(into(toServer)) })
		cl := s.Join("ada", n, func(cl *core.Client) { cl.OnMessage(into(toClient)) })
		c, err := s.Server.Client("ada")
		require.NoError(t, err)
		sent := make(chan error, 1)
		go func() { sent <- sendKinds(c, messages) }()
		require.NoError(t, sendKinds(cl, messages))
		require.NoError(t, coretest.Next(t, sent))
		for _, got := range []chan string{toServer, toClient} {
			for i := range messages {
				require.Equal(t, "command "+strconv.Itoa(i), coretest.Next(t, got))
				require.Equal(t, "raw message "+strconv.Itoa(i), coretest.Next(t, got))
			}
		}
		s.WantQuiet()
	})
}

// A client that sends ten times the size of its queue at once is slowed to the speed of its
// network.
func TestQuickLoop(t *testing.T) {
	const messages, size = 160, 64 << 10
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		got := make(chan int, messages)
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnBytes("blob", func(_ context.Context, _ *core.Conn, p []byte) error {
				got <- int(p[0])
				return nil
			})
		})
		cl := s.Join("ada", n, func(*core.Client) {})
		blob := make([]byte, size)
		for i := range messages {
			blob[0] = byte(i)
			require.NoError(t, cl.SendBytes("blob", blob))
		}
		for i := range messages {
			require.Equal(t, i, coretest.Next(t, got))
		}
		require.NoError(t, cl.Err())
		s.WantQuiet()
	})
}

func sendKinds(to core.Sender, n int) error {
	for i := range n {
		if err := to.Send("numbered", i); err != nil {
			return err
		}
		if err := to.SendRaw(strconv.AppendInt(nil, int64(i), 10)); err != nil {
			return err
		}
	}
	return nil
}

// Payloads from nothing to nearly the frame limit arrive unchanged, in each way to send them.
func TestPayloadSizes(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		commands, raw := make(chan []byte, 1), make(chan []byte, 1)
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnBytes("take", func(_ context.Context, c *core.Conn, payload []byte) error {
				commands <- bytes.Clone(payload)
				return c.SendBytes("taken", payload)
			})
			s.Server.HandleBytes("back", func(ctx context.Context, c *core.Conn, payload []byte) ([]byte, error) {
				return c.CallBytes(ctx, "echo", payload)
			})
		})
		taken := make(chan []byte, 1)
		cl := s.Join("ada", n, func(cl *core.Client) {
			cl.HandleBytes("echo", harness.Echo)
			cl.OnBytes("taken", func(_ context.Context, _ *core.Conn, payload []byte) error {
				taken <- bytes.Clone(payload)
				return nil
			})
		})
		c, err := s.Server.Client("ada")
		require.NoError(t, err)
		for _, size := range []int{0, 1, 64 << 10, 900 << 10} {
			payload := pattern(size)
			same := func(got []byte) {
				t.Helper()
				require.True(t, bytes.Equal(payload, got), "%d bytes came as %d others", size, len(got))
			}
			require.NoError(t, cl.SendBytes("take", payload))
			same(coretest.Next(t, commands))
			same(coretest.Next(t, taken))

			got, err := cl.CallBytes(s.Ctx, "echo", payload)
			require.NoError(t, err)
			same(got)
			if size <= 64<<10 {
				got, err = cl.CallBytes(s.Ctx, "back", payload)
				require.NoError(t, err)
				same(got)
			}

			go func() {
				got, _ := c.RecvRaw(s.Ctx)
				raw <- got
			}()
			written(t, cl.Conn()) // two of the largest payloads are more than a queue holds
			require.NoError(t, cl.SendRaw(payload))
			same(coretest.Next(t, raw))
			written(t, c)
			require.NoError(t, c.SendRaw(payload))
			got, err = cl.RecvRaw(s.Ctx)
			require.NoError(t, err)
			same(got)
		}
		err = cl.SendBytes("take", make([]byte, 1<<20))
		require.Equal(t, core.CodeTooBig, core.CodeOf(err))
		require.False(t, core.IsRemote(err))
		_, err = c.CallBytes(s.Ctx, "echo", make([]byte, 1<<20))
		require.Equal(t, core.CodeTooBig, core.CodeOf(err))
		s.Check()
		s.WantQuiet()
	})
}

// pattern returns bytes without long repetitions.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(n) | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// Calls that are under way at the same time each get their own answer, in both directions.
func TestParallelCalls(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		const callers, calls = 16, 25
		reverse := func(_ context.Context, _ *core.Conn, in string) (string, error) {
			return strings.ToUpper(in), nil
		}
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			core.Handle(s.Server, "upper", reverse)
			core.Handle(s.Server, "beside", reverse, core.Concurrent())
		})
		cl := s.Join("ada", n, func(cl *core.Client) {
			core.Handle(cl, "upper", reverse)
			core.Handle(cl, "beside", reverse, core.Concurrent())
		})
		c, err := s.Server.Client("ada")
		require.NoError(t, err)
		errs := make(chan error, 2*callers)
		for i := range callers {
			for _, to := range []core.Caller{cl, c} {
				go func() { errs <- callMany(s.Ctx, to, i, calls) }()
			}
		}
		for range 2 * callers {
			require.NoError(t, coretest.Next(t, errs))
		}
		s.Check()
		s.WantQuiet()
	})
}

func callMany(ctx context.Context, to core.Caller, caller, calls int) error {
	for i := range calls {
		command := "upper"
		if i%2 == 1 {
			command = "beside"
		}
		in := fmt.Sprintf("caller %d call %d", caller, i)
		got, err := core.Call[string](ctx, to, command, in)
		if err != nil {
			return err
		}
		if want := strings.ToUpper(in); got != want {
			return fmt.Errorf("%q instead of %q", got, want)
		}
	}
	return nil
}

// A client that makes many calls at once gets all the answers, and is not ended for their size.
func TestManyCallsWithLargeReplies(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.HandleBytes("blob", func(context.Context, *core.Conn, []byte) ([]byte, error) {
				return make([]byte, 8<<10), nil
			})
		})
		cl := s.Join("ada", n)
		const calls = 600
		errs := make(chan error, calls)
		for range calls {
			go func() {
				_, err := cl.CallBytes(s.Ctx, "blob", nil)
				errs <- err
			}()
		}
		for range calls {
			require.NoError(t, coretest.Next(t, errs))
		}
	})
}
