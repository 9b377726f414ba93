//go:build !js

package python_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A Go client waits for any command of a Python server like for one by its name, in every dialect.
func TestExpectsAnything(t *testing.T) {
	says := map[core.Dialect]string{core.Dialect002: "some thing", core.Dialect1x: "some thing", core.Dialect2x: cmd2("some", "thing"), core.Dialect30a: cmd("some", "5s", "thing")}
	for d, payload := range says {
		t.Run(d.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := harness.NewClient(s, &core.ClientOptions{Codec: testCodec{}, Classic: &core.Classic{Dialect: d}, Retry: core.Retry{Off: true}, Logger: core.Silent})
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
