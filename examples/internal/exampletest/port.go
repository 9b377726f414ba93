package exampletest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreePort returns a port that nobody listens on at this moment, below those that systems give to
// connections that are dialed: one of these may be taken before the program that is told of it listens.
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
