//go:build !js

package core

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A Go client waits for any command of a Python server, as for one by its name, in every dialect.
func TestClassicExpectsAnything(t *testing.T) {
	says := map[Dialect]string{Dialect002: "some thing", Dialect1x: "some thing", Dialect2x: cmd2("some", "thing"), Dialect30a: cmd("some", "5s", "thing")}
	for d, payload := range says {
		t.Run(d.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := newTestClient(s, &ClientOptions{Codec: testCodec{}, Classic: &Classic{Dialect: d}, Retry: Retry{Off: true}, Logger: Silent})
				require.NoError(t, cl.Connect(t.Context()))
				for _, command := range []string{"", "some"} {
					e := cl.Conn().Expect(command)
					s.clients[0].send(oldFrames(payload))
					synctest.Wait()
					got, err := e.Recv(t.Context())
					require.NoError(t, err)
					require.Equal(t, "thing", string(got))
					require.Equal(t, "some", e.Command())
				}
				cl.Close()
				<-cl.Done()
			})
		})
	}
}
