//go:build !js

package core

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A connection keeps its user over a resume. The user is never sent to the client.
func TestUserStays(t *testing.T) {
	inWorld(t, byUser(ServerOptions{Access: Access{Notices: func(_, _ *Conn, _ *Presence) bool { return true }}}), func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Name: "phone", Auth: []byte("ada the secret"), Notices: true, Resume: true})
		synctest.Wait()
		c := w.conn("phone")
		p.Stream.Close() //nolint:errcheck // it is cut
		synctest.Wait()
		require.True(t, c.Suspended())
		require.Equal(t, 1, w.srv.User("ada the secret").Len())
		p = w.helloOf(&wire.Hello{Name: "phone", Resume: true, Session: c.sess.ID(), Token: c.sess.Token()})
		f := p.Want()
		require.Equal(t, wire.KindWelcome, f.Kind)
		require.NotContains(t, string(f.Body), "secret")
		require.Equal(t, "ada the secret", c.User())
		require.NoError(t, w.srv.User("ada the secret").Send("news", "here"))
		require.Equal(t, "here", p.WantCommand("news"))
		w.join(w.device("bob the secret", "bob"))
		f = p.Want()
		require.Equal(t, wire.KindJoined, f.Kind)
		require.NotContains(t, string(f.Body), "secret")
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
