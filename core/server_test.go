package core

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLookups(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var heard kept[string]
		join := func(name string, groups ...string) *Client {
			cl := w.client(name, groups...)
			On(cl, "said", func(_ context.Context, c *Conn, s string) error { heard.Add(c.Addr() + s); return nil })
			return w.join(cl)
		}
		a, b, c := join("ada", "red"), join("ada"), join("bob", "red", "blue")
		at := func(cl *Client) string { return cl.Conn().Addr() }
		require.NotEqual(t, at(a), at(b))

		got, err := w.srv.Lookup(at(b))
		require.NoError(t, err)
		require.Equal(t, at(b), got.Addr())
		_, err = w.srv.Lookup("nowhere:1")
		require.Equal(t, CodeUnknownClient, CodeOf(err))

		require.Equal(t, []string{"ada", "bob"}, w.srv.Names())
		require.Equal(t, []string{"blue", "red"}, w.srv.Groups())
		require.Equal(t, slices.Sorted(slices.Values([]string{at(a), at(b), at(c)})), w.srv.Addrs())
		red := slices.Collect(w.srv.Filter(func(c *Conn) bool { return c.InGroup("red") }))
		require.Len(t, red, 2)

		require.NoError(t, w.srv.Named("bob").Send("said", " 1"))
		require.Equal(t, CodeAmbiguousName, CodeOf(w.srv.Named("ada").Send("said", " 2")))
		require.Equal(t, CodeUnknownClient, CodeOf(w.srv.Named("eve").Send("said", " 3")))
		require.Equal(t, CodeUnknownClient, CodeOf(w.srv.Named("eve").Send("said", " 3", AllOfThem())))
		require.Equal(t, CodeUnknownGroup, CodeOf(w.srv.Group("green").Send("said", " 4", MustReach())))
		require.NoError(t, w.srv.Named("ada").Send("said", " 5", AllOfThem()))
		require.NoError(t, w.srv.Named("ada").Send("said", " 6", AllOfThem(), Except(got)))
		synctest.Wait()
		require.ElementsMatch(t, []string{at(c) + " 1", at(a) + " 5", at(b) + " 5", at(a) + " 6"}, heard.All())
		require.NoError(t, w.srv.Named("bob").SendRaw([]byte("raw")))
		raw, err := c.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "raw", string(raw))

		w.srv.DisconnectAll(NewError(1200, "out"))
		for _, cl := range []*Client{a, b, c} {
			<-cl.Done()
			require.Equal(t, Code(1200), CodeOf(cl.Err()))
		}
		synctest.Wait()
		require.Empty(t, w.srv.Names())
		require.Empty(t, w.srv.Addrs())
		_, err = w.srv.Lookup(at(b))
		require.Equal(t, CodeUnknownClient, CodeOf(err))
	})
}

// slow details take a second to convert.
type slow struct{}

func (slow) MarshalJSON() ([]byte, error) {
	time.Sleep(time.Second)
	return []byte("1"), nil
}

// DisconnectAll tells none of its clients that others have left, however long it takes.
func TestDisconnectAllTellsNobodyOfOthers(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: TellNames}}, func(w *world) {
		w.serve()
		var heard []*kept[string]
		var clients []*Client
		for _, name := range []string{"ada", "bob", "eve"} {
			cl := w.client(name)
			heard = append(heard, listens(cl))
			clients = append(clients, w.join(cl))
		}
		w.srv.DisconnectAll(&Error{Code: 1200, Details: slow{}})
		for _, cl := range clients {
			<-cl.Done()
		}
		synctest.Wait()
		require.Equal(t, []string{"+bob []", "+eve []"}, heard[0].All())
		require.Equal(t, []string{"+eve []"}, heard[1].All())
		require.Empty(t, heard[2].All())
	})
}

func TestRecv(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var handled kept[string]
		On(w.srv, "go", func(ctx context.Context, c *Conn, _ struct{}) error {
			b, err := c.Recv(ctx, "answer") // while its own handler runs
			handled.Add("go " + string(b))
			return err
		})
		On(w.srv, "answer", func(_ context.Context, _ *Conn, s string) error { handled.Add("answer " + s); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("answer", "0"))
		require.NoError(t, cl.Send("go", nil))
		synctest.Wait()
		require.NoError(t, cl.Send("answer", "1"))
		synctest.Wait()
		require.NoError(t, cl.Send("answer", "2"))
		synctest.Wait()
		require.Equal(t, []string{"answer 0", "go 1", "answer 2"}, handled.All())

		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := cl.Recv(ctx, "never")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, cl.Conn().recv.awaited())
		result := make(chan error, 1)
		go func() { _, err := cl.Recv(w.ctx, "never"); result <- err }()
		synctest.Wait()
		first(w).Close()
		require.Equal(t, CodeClosed, CodeOf(<-result))
		_, err = cl.Recv(w.ctx, "never")
		require.Equal(t, CodeClosed, CodeOf(err))
		_, err = cl.Recv(w.ctx, "two\nlines")
		require.Equal(t, CodeBadName, CodeOf(err))
	})
}

func TestNames(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		a, b, c := w.join(w.client("ada")), w.join(w.client("ada")), w.join(w.client(""))
		_, err := w.srv.Client("ada")
		require.Equal(t, CodeAmbiguousName, CodeOf(err))
		_, err = w.srv.Client("")
		require.Equal(t, CodeUnknownClient, CodeOf(err), "clients without a name are not found by it")
		require.Len(t, slices.Collect(w.srv.Named("ada").Clients()), 2)
		require.Empty(t, slices.Collect(w.srv.Named("bob").Clients()))
		require.NoError(t, a.Close())
		synctest.Wait()
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.Equal(t, b.Conn().Addr(), conn.Addr())
		require.NotEmpty(t, conn.Addr())
		require.Equal(t, 2, w.srv.Len())
		for range w.srv.Clients() {
			break // the iteration may stop here
		}
		require.NoError(t, b.Close())
		require.NoError(t, c.Close())
	})
}
