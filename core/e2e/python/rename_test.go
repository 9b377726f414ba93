//go:build !js

package python_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// Classic clients see a rename as one client that leaves and another that comes. They can be
// renamed, and are not told of that.
func TestRename(t *testing.T) {
	inWorld(t, &core.ServerOptions{Access: core.Access{Notices: harness.TellEverything}}, func(w *world) {
		var seen kept[string]
		w.tapped()
		old := w.old(`"ann"`, `"red"`)
		cl := w.client("bob")
		cl.OnClientRename(func(was string, p core.Presence) { seen.Add(was + " is " + p.Name) })
		w.join(cl)
		old.want(`$CLTCONN$ {"ip": ["127.0.0.1", 40002], "name": "bob", "group": null}`)
		require.NoError(t, cl.Rename(w.ctx, "eve"))
		old.want(
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40002], "name": "bob", "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40002], "name": "eve", "group": null}`)
		require.NoError(t, cl.Rename(w.ctx, ""))
		old.want(
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40002], "name": "eve", "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40002], "name": null, "group": null}`)

		second := w.old(`""`, "null")
		require.NotEmpty(t, old.take())
		ann, err := w.srv.Client("ann")
		require.NoError(t, err)
		for _, name := range []string{"zoe", ""} {
			require.NoError(t, ann.Rename(w.ctx, name))
		}
		second.want(
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40001], "name": "ann", "group": "red"}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40001], "name": "zoe", "group": "red"}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40001], "name": "zoe", "group": "red"}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40001], "name": null, "group": "red"}`)
		require.Empty(t, old.take(), "it is not told of itself")
		require.Equal(t, []string{"ann is zoe", "zoe is "}, seen.All())

		unnamed, err := w.srv.Lookup("127.0.0.1:40003")
		require.NoError(t, err)
		require.NoError(t, unnamed.Rename(w.ctx, "max"))
		require.NoError(t, unnamed.Rename(w.ctx, ""))
		old.want(
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40003], "name": "", "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40003], "name": "max", "group": null}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40003], "name": "max", "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40003], "name": "", "group": null}`)
		require.NoError(t, cl.Close())
		old.close()
		second.close()
	})
}

// A name that does not fit the header of classic clients is reported with no lock held: the error
// hook may rename.
func TestRenameTooLong(t *testing.T) {
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: 2}}, func(w *world) {
		var faults kept[string]
		cl := w.client("b")
		w.srv.OnError(func(c *core.Conn, err error) {
			faults.Add(c.Name() + " " + core.CodeOf(err).String())
			if b, err := w.srv.Client(strings.Repeat("x", 60)); err == nil {
				if err := b.Rename(w.ctx, "c"); err != nil {
					t.Error(err)
				}
			}
		})
		w.serve()
		p := w.knock()
		p.send(`39$CLTHELLO$ {"name": "o", "group": null}`)
		synctest.Wait()
		w.join(cl)
		require.Contains(t, p.take(), `"name": "b"`)
		require.NoError(t, cl.Rename(w.ctx, strings.Repeat("x", 60)))
		require.Empty(t, p.take(), "nothing of what cannot be said whole")
		require.Equal(t, []string{"o too big", "o too big"}, faults.All())
		require.Equal(t, "c", cl.Name())
		require.NoError(t, cl.Close())
		p.close()
	})
}
