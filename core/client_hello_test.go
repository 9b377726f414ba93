//go:build !js

package core

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A client that joins anew asks for the groups that it is in at that moment: the groups of its
// options and the groups that it joined later, without the groups that it left or was taken out of.
func TestGroupsAreJoinedAgain(t *testing.T) {
	ends := map[string]func(w *world, net *network){
		"session over":  func(_ *world, net *network) { net.fail(false); time.Sleep(3 * time.Second); net.mend() },
		"outage":        func(_ *world, net *network) { net.fail(false); time.Sleep(5 * time.Minute); net.mend() },
		"sent away":     func(w *world, _ *network) { w.only().CloseWith(NewError(CodeShutdown, "")) },
		"sent off once": func(w *world, _ *network) { w.only().endWith(NewError(CodeSlowConsumer, "")) },
	}
	for name, end := range ends {
		for _, fresh := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", AuthFunc ", fresh), func(t *testing.T) {
				inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: time.Second}}, func(w *world) {
					w.serve()
					var net network
					opts := ClientOptions{Name: "ada", Groups: []string{"red", "green", "blue"}}
					if fresh {
						opts.AuthFunc = func(context.Context) ([]byte, error) { return []byte("x"), nil }
					}
					cl, _ := w.over(&net, opts)
					w.join(cl)
					require.NoError(t, cl.Join(w.ctx, "late"))
					require.NoError(t, cl.Join(w.ctx, "later"))
					require.NoError(t, cl.Leave(w.ctx, "later"))
					require.NoError(t, cl.Leave(w.ctx, "green"))
					require.NoError(t, w.only().Leave(w.ctx, "blue"))
					require.NoError(t, w.only().Join(w.ctx, "room"))
					require.NoError(t, cl.Rename(w.ctx, "eve"))
					for range 3 {
						time.Sleep(time.Minute)
						conn := cl.Conn()
						end(w, &net)
						time.Sleep(2 * time.Minute)
						synctest.Wait()
						require.NotSame(t, conn, cl.Conn())
						require.Equal(t, []string{"late", "red", "room"}, cl.Groups())
						require.Equal(t, []string{"late", "red", "room"}, w.only().Groups())
						require.Equal(t, "eve", w.only().Name())
						require.Empty(t, cl.RefusedGroups())
					}
					require.NoError(t, cl.Close())
				})
			})
		}
	}
}

// A client that joins anew does not ask for groups that Authorize gave it. Authorize gives them
// again, and AuthorizeGroup, which would refuse them, is not asked.
func TestGroupsThatWereGivenAreNotAskedFor(t *testing.T) {
	var asked kept[string]
	opts := &ServerOptions{Timeouts: Timeouts{Resume: -1}}
	opts.Access.Authorize = func(_ context.Context, a *Admission) error {
		a.Name = "user-" + a.Name
		a.Groups = append(a.Groups, "staff")
		return nil
	}
	opts.Access.AuthorizeGroup = func(_ context.Context, _ *Conn, group string) error {
		asked.Add(group)
		if group == "staff" || group == "closed" {
			return NewError(CodeUnauthorized, "not for you")
		}
		return nil
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada", Groups: []string{"red", "closed"}})
		w.join(cl)
		require.NoError(t, cl.Join(w.ctx, "late"))
		for range 2 {
			require.Equal(t, "closed", cl.RefusedGroups()[0].Group)
			require.Len(t, cl.RefusedGroups(), 1)
			require.Equal(t, "user-ada", cl.Name())
			require.ElementsMatch(t, []string{"red", "staff", "late"}, cl.Groups())
			net.fail(false)
			time.Sleep(time.Second)
			net.mend()
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		require.NotContains(t, asked.All(), "staff")
		require.NoError(t, cl.Close())
	})
}

// A group that is refused when a client joins anew is reported like a group of a first hello.
func TestGroupsThatAreRefusedAgain(t *testing.T) {
	closed := false
	opts := &ServerOptions{Timeouts: Timeouts{Resume: -1}}
	opts.Access.AuthorizeGroup = func(_ context.Context, _ *Conn, group string) error {
		if closed && group == "late" {
			return NewError(CodeUnauthorized, "closed by now")
		}
		return nil
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Groups: []string{"red"}})
		w.join(cl)
		require.NoError(t, cl.Join(w.ctx, "late"))
		closed = true
		net.fail(false)
		time.Sleep(time.Second)
		net.mend()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"red"}, cl.Groups())
		require.Len(t, cl.RefusedGroups(), 1)
		require.Equal(t, "closed by now", cl.RefusedGroups()[0].Why.Message)
		require.NoError(t, cl.Close())
	})
}

// A client that joins anew is never ended for the groups that it has joined. It is in all groups
// again that the next server allows, with any number of groups and any limits.
func TestManyGroupsAreJoinedAgain(t *testing.T) {
	tests := map[string]struct {
		next   ServerOptions // options of the next server
		groups int
		size   int
		want   int
	}{
		"few":                 {groups: 5, size: 10, want: 6},
		"more than a hello":   {groups: 60, size: 120, want: 61},
		"a small hello":       {groups: 30, size: 100, want: 31, next: ServerOptions{Limits: Limits{MaxHello: 300}}},
		"fewer groups":        {groups: 30, size: 10, want: 10, next: ServerOptions{Limits: Limits{MaxGroups: 10}}},
		"shorter names":       {groups: 30, size: 100, want: 1, next: ServerOptions{Limits: Limits{MaxName: 50}}},
		"changes are limited": {groups: 60, size: 120, want: 61, next: ServerOptions{Limits: Limits{MaxHello: 300, ChangeRate: 5}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.next, func(w *world) {
				w.serve()
				first := newWorld(w.t, &ServerOptions{Timeouts: Timeouts{Resume: -1}})
				first.serve()
				net := &network{Dialer: first.lis}
				cl := newTestClient(net, &ClientOptions{Name: "ada", Groups: []string{"red"}, Logger: &coretest.Log{}})
				w.clients = append(w.clients, cl)
				w.join(cl)
				for i := range tc.groups {
					require.NoError(t, cl.Join(w.ctx, fmt.Sprintf("%03d%s", i, strings.Repeat("x", tc.size-3))))
				}
				net.mu.Lock()
				net.Dialer = w.lis
				net.mu.Unlock()
				require.NoError(t, first.srv.Shutdown(w.ctx))
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				require.NoError(t, cl.Err())
				require.Len(t, cl.Groups(), tc.want)
				require.Equal(t, w.only().Groups(), cl.Groups())

				w.only().CloseWith(NewError(CodeShutdown, ""))
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				require.Len(t, cl.Groups(), tc.want, "and again")
				require.NoError(t, cl.Close())
			})
		})
	}
}

// A client whose last name has been taken joins anew under the name of its options, and then asks
// for its last name again.
func TestNameThatIsTakenMeanwhile(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}, Timeouts: Timeouts{Resume: -1}}, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada"})
		var faults kept[string]
		cl.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
		w.join(cl)
		require.NoError(t, cl.Rename(w.ctx, "eve"))
		net.fail(false)
		synctest.Wait()
		other := w.join(w.client("eve"))
		net.mend()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "ada", cl.Name())
		require.Equal(t, []string{"name taken"}, faults.All())

		require.NoError(t, other.Close())
		synctest.Wait()
		require.NoError(t, cl.Rename(w.ctx, "eve"))
		w.conn("eve").CloseWith(NewError(CodeShutdown, ""))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "eve", cl.Name())
		require.NoError(t, cl.Close())
	})
}

// A Connect by the program begins with the name and the groups of the options.
func TestConnectAnewAsksForTheOptions(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada", "red"))
		require.NoError(t, cl.Join(w.ctx, "late"))
		require.NoError(t, cl.Rename(w.ctx, "eve"))
		require.NoError(t, cl.Close())
		<-cl.Done()
		w.join(cl)
		require.Equal(t, []string{"red"}, cl.Groups())
		require.Equal(t, "ada", cl.Name())
		require.NoError(t, cl.Close())
	})
}

// A hello stays below the limit of any server, whatever groups a server has put the client into.
func TestHelloIsBounded(t *testing.T) {
	cl := newTestClient(nil, &ClientOptions{Groups: []string{"red"}})
	c := &Conn{eng: &engine{campaign: &campaign{}}, peer: peer{can: nativeCaps}, atClient: &clientPart{wish: &wish{}}}
	for i := range defaultClientGroups {
		c.who.AddGroup(fmt.Sprintf("%04d%s", i, strings.Repeat("x", 100)), -1)
	}
	w := cl.wishFor(c)
	require.Less(t, len(wire.AppendHello(nil, &wire.Hello{Groups: w.groups})), wishBytes+100)
	require.Equal(t, defaultClientGroups, len(w.groups)+w.later.Len())
}
