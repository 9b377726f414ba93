//go:build unix

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFaults lets one fault after the other happen to a cluster whose nodes send 100 messages a second each to a group with two clients at each
// node, and says what has become of them. With HISOCK_SOAK the times of the nodes are the defaults, and there is more of each fault.
//
// Only what docs/cluster.md says is lost: what a node that was struck, or was cut off, has sent to clients of other nodes or would have
// been sent for its own; and what came for a client while it went to another node.
func TestFaults(t *testing.T) {
	long := os.Getenv("HISOCK_SOAK") != ""
	lease, beat := shortLease, shortBeat
	if long {
		lease, beat = 15*time.Second, time.Second
	}
	c := StartCluster(t, 3, lease, beat)
	var table strings.Builder
	fmt.Fprintln(&table, "| fault | deliveries due | delivered | of these late | the latest | lost | messages counted as lost | all right after |")
	fmt.Fprintln(&table, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	defer func() { t.Logf("a lease of %v, a beat of %v\n%s", lease, beat, table.String()) }()
	for _, f := range Faults(long) {
		if f.Long && !long {
			continue
		}
		c.begin()
		var ended time.Time
		struck := f.Strike(c, func() { ended = time.Now() })
		c.await()
		right := time.Since(ended)
		o := c.end()
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %v | %d | %d | %v |\n", f.Name, o.Due, o.Delivered, o.Late, o.Worst.Round(time.Millisecond),
			o.AllLost(), o.Counted, right.Round(10*time.Millisecond))
		struck = append(struck, o.CutOff...)
		for way, n := range o.Lost {
			homes := c.homes[way.To]
			stayed := len(homes) == 1
			if stayed && homes[0] == way.From {
				require.Zero(t, n, "%s: %d messages of a node to its own client %s", f.Name, n, way.To)
			}
			require.True(t, !stayed || slices.Contains(struck, way.From) || slices.Contains(struck, homes[0]),
				"%s: %d messages from %s to %s, a client of %v, are lost; struck are %v", f.Name, n, way.From, way.To, homes, struck)
		}
	}
}
