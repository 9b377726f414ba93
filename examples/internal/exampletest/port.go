package exampletest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreePort returns a port that is free at this moment. It is below the ports that systems give to outgoing
// connections, because such a port may be in use again before the program listens on it.
func FreePort(t *testing.T) string {
	t.Helper()
	const first, ports = 10_000, 20_000
	for range 1000 {
		port := strconv.Itoa(first + rand.IntN(ports))
		if l, err := net.Listen("tcp", ":"+port); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	require.FailNow(t, "no port is free")
	return ""
}
