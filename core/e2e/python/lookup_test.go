//go:build !js

package python_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
)

// names returns the names of the clients, sorted.
func names(clients iter.Seq[*core.Conn]) (all []string) {
	for c := range clients {
		all = append(all, c.Name())
	}
	slices.Sort(all)
	return all
}

// get_client by name, by "ip:port", by (ip, port); get_group; get_all_clients(key or function)
func TestGetClient(t *testing.T) {
	o := newOriginal(t, nil)
	ada := o.join("ada", "red", "blue")
	o.join("twin", "blue")
	o.join("twin")
	bob, none := o.python("bob", "red"), o.python("", "")
	bobAt := bob.LocalAddr().(*net.TCPAddr)

	t.Run("by name", func(t *testing.T) {
		c, err := o.srv.Client("bob")
		require.NoError(t, err)
		require.Equal(t, bobAt.String(), c.Addr())
		require.Equal(t, []string{"red"}, c.Groups())
		_, err = o.srv.Client("eve")
		require.ErrorIs(t, err, core.CodeUnknownClient)
		_, err = o.srv.Client("twin")
		require.ErrorIs(t, err, core.CodeAmbiguousName)
		require.Equal(t, []string{"twin", "twin"}, names(o.srv.Named("twin").Clients()))
		_, err = o.srv.Client("")
		require.ErrorIs(t, err, core.CodeUnknownClient, "no name is not a name")
	})
	t.Run("by address", func(t *testing.T) {
		c, err := o.srv.Lookup(bobAt.String())
		require.NoError(t, err)
		require.Equal(t, "bob", c.Name())
		host, port, err := net.SplitHostPort(ada.Conn().Addr())
		require.NoError(t, err)
		c, err = o.srv.Lookup(net.JoinHostPort(host, port))
		require.NoError(t, err)
		require.Equal(t, "ada", c.Name())
		for _, nowhere := range []string{"127.0.0.1:1", "255.255.255.255:65535", "[::1]:1", "pipe:7", "unix:#7", "unix:/run/x"} {
			_, err = o.srv.Lookup(nowhere)
			require.ErrorIs(t, err, core.CodeUnknownClient, nowhere)
		}
		for _, wrong := range []string{"bob", "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.256:1", "::1:1x", "a b:1", ":1"} {
			_, err = o.srv.Lookup(wrong)
			require.ErrorIs(t, err, core.CodeBadName, wrong)
			require.ErrorContains(t, err, "is no address")
		}
	})
	t.Run("group", func(t *testing.T) {
		require.Equal(t, []string{"ada", "bob"}, names(o.srv.Group("red").Clients()))
		require.Equal(t, 2, o.srv.Group("blue").Len())
		require.Zero(t, o.srv.Group("green").Len())
		require.Empty(t, names(o.srv.Group("green").Clients()))
		require.ErrorIs(t, o.srv.Group("green").Send("x", nil, core.MustReach()), core.CodeUnknownGroup)
	})
	t.Run("all", func(t *testing.T) {
		require.Equal(t, []string{"", "ada", "bob", "twin", "twin"}, names(o.srv.Clients()))
		require.Equal(t, 5, o.srv.Len())
	})
	t.Run("columns", func(t *testing.T) {
		require.Equal(t, []string{"ada", "bob", "twin"}, o.srv.Names())
		require.Equal(t, []string{"blue", "red"}, o.srv.Groups())
		var want []string
		for c := range o.srv.Clients() {
			want = append(want, c.Addr())
		}
		slices.Sort(want)
		require.Equal(t, want, o.srv.Addrs())
		require.Len(t, want, 5)
		require.Contains(t, want, bobAt.String())
	})
	t.Run("filter", func(t *testing.T) {
		inRed := func(c *core.Conn) bool { return c.InGroup("red") }
		require.Equal(t, []string{"ada", "bob"}, names(o.srv.Filter(inRed)))
		require.Empty(t, names(o.srv.Filter(func(*core.Conn) bool { return false })), "and not everybody")
	})

	none.vanishes()
	bob.vanishes()
	coretest.Next(t, o.leaves)
	coretest.Next(t, o.leaves)
	require.Len(t, o.srv.Addrs(), 3)
	_, err := o.srv.Lookup(bobAt.String())
	require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
	o.check(ada)
}

// send_client, send_client_raw (name or address), send_group, send_group_raw, send_all_clients
func TestSend(t *testing.T) {
	o := newOriginal(t, nil)
	heard := map[*core.Client]chan string{}
	join := func(name string, groups ...string) *core.Client {
		cl := o.client(&core.ClientOptions{Name: name, Groups: groups})
		got := make(chan string, harness.EventRoom)
		heard[cl] = got
		core.On(cl, "news", func(_ context.Context, _ *core.Conn, text string) error { got <- text; return nil })
		cl.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
			if f.Kind == core.KindRaw {
				got <- "raw " + string(f.Payload)
			}
			return nil
		})
		o.enter(cl)
		return cl
	}
	ada, twin, other := join("ada", "red"), join("twin", "red", "blue"), join("twin")
	bob := o.python("bob", "red")
	gets := func(cl *core.Client, want ...string) {
		t.Helper()
		for _, w := range want {
			require.Equal(t, w, coretest.Next(t, heard[cl]))
		}
	}
	at := func(addr string) *core.Conn {
		t.Helper()
		c, err := o.srv.Lookup(addr)
		require.NoError(t, err)
		return c
	}

	t.Run("client, by name or address", func(t *testing.T) {
		require.NoError(t, errors.Join(
			o.srv.Named("ada").Send("news", "1"), o.srv.Named("ada").SendRaw([]byte("2")),
			at(ada.Conn().Addr()).Send("news", 3), at(ada.Conn().Addr()).SendRaw([]byte("4")),
		))
		gets(ada, "1", "raw 2", "3", "raw 4")
		require.NoError(t, errors.Join(
			o.srv.Named("bob").Send("news", "1"), o.srv.Named("bob").SendRaw([]byte("2")),
			at(bob.LocalAddr().String()).Send("news", 3), at(bob.LocalAddr().String()).SendRaw([]byte("4")),
		))
		bob.gets("news 1", "2", "news 3", "4")
	})
	t.Run("group", func(t *testing.T) {
		red := o.srv.Group("red")
		require.NoError(t, errors.Join(red.Send("news", "red"), red.SendRaw([]byte("red"))))
		require.NoError(t, o.srv.Group("blue").Send("news", "blue"))
		gets(ada, "red", "raw red")
		gets(twin, "red", "raw red", "blue")
		bob.gets("news red", "red")
	})
	t.Run("all", func(t *testing.T) {
		require.NoError(t, errors.Join(o.srv.All().Send("news", 7.5), o.srv.All().SendRaw([]byte{0, 255})))
		for cl := range heard {
			gets(cl, "7.5", "raw \x00\xff")
		}
		bob.gets("news 7.5", "\x00\xff")
	})
	t.Run("errors", func(t *testing.T) {
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(o.srv.Named("eve").Send("news", "")))
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(o.srv.Named("eve").SendRaw(nil)))
		_, err := o.srv.Lookup("127.0.0.1:1")
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		require.Equal(t, core.CodeUnknownGroup, core.CodeOf(o.srv.Group("green").Send("news", "", core.MustReach())))
		require.Equal(t, core.CodeUnknownGroup, core.CodeOf(o.srv.Group("green").SendRaw(nil, core.MustReach())))
	})
	t.Run("several of a name", func(t *testing.T) {
		require.Equal(t, core.CodeAmbiguousName, core.CodeOf(o.srv.Named("twin").Send("news", "one of you")))
		require.Equal(t, core.CodeAmbiguousName, core.CodeOf(o.srv.Named("twin").SendRaw([]byte("one of you"))))
		require.NoError(t, o.srv.Named("twin").Send("news", "both", core.AllOfThem()))
		require.NoError(t, o.srv.Named("twin").SendRaw([]byte("both"), core.AllOfThem()))
		gets(twin, "both", "raw both") // and not the messages for one of them
		gets(other, "both", "raw both")
	})
	require.NoError(t, o.srv.All().Send("news", "last"))
	for cl := range heard {
		gets(cl, "last")
	}
	bob.gets("news last")
	o.check(ada)
}
