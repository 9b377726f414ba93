//go:build !js

package core

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A notice that does not fit a short header is not sent, since it would put its reader out of
// step, but reported; what fits still comes.
func TestClassicNoticeTooLong(t *testing.T) {
	inWorld(t, &ServerOptions{ClassicHeaderLen: 2}, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *Conn, err error) { faults.add(c.Name() + " " + CodeOf(err).String()) })
		w.serve()
		p := w.peer()
		p.send([]byte(`39$CLTHELLO$ {"name": "o", "group": null}`))
		synctest.Wait()
		require.Equal(t, []string{"o"}, w.srv.Names())
		cl := w.join(w.client(strings.Repeat("x", 60)))
		require.Equal(t, []string{"o too big"}, faults.all())
		require.NoError(t, w.srv.SendTo("o", "say", "hi"))
		buf := make([]byte, 100)
		n, err := p.stream.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "6 say hi", string(buf[:n]))
		require.NoError(t, cl.Close())
		p.stream.Close() //nolint:errcheck // it is over
	})
}
