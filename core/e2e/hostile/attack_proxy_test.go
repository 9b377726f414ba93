//go:build !js

package hostile_test

import (
	"bytes"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Attacks of those who say that they are a proxy.
func init() {
	attacks["header of a proxy from nobody"] = attack{
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: claimsToBeAProxy,
	}
}

// claimsToBeAProxy sends headers of the PROXY protocol, one of which announces 64 KiB, and more
// behind them. None of them becomes anybody's address.
func claimsToBeAProxy(a *arena, tries int) string {
	headers := [][]byte{
		[]byte("PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n"),
		append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"), bytes.Repeat([]byte{203, 0, 113, 7}, 16<<10)...),
	}
	for i := range tries {
		p := a.raw()
		p.Tell(headers[i%len(headers)])
		require.Equal(a, core.CodeConnLost, a.turnedAway(p), "it is told nothing")
	}
	a.worst()
	for _, addr := range a.srv.Addrs() {
		require.NotContains(a, addr, "203.0.113.7")
	}
	return "closed: not native"
}
