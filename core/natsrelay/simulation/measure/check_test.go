package measure

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

// A real cluster gives as many messages to nodes, for each that it is given, as the model says.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, of := range trials()[2:] {
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			of.clients = 30 * of.nodes
			s := &scene{command: []string{os.Args[0]}, tries: 1}
			checks := of.run(s, model.Costs{}, 500*time.Millisecond)
			require.NoError(t, s.end())
			require.Len(t, checks, 5)
			for _, c := range checks {
				require.Positive(t, c.Measured, c.What)
			}
			to, from := checks[1], checks[2]
			require.InEpsilon(t, from.Computed/to.Computed, from.Measured/to.Measured, 0.15)
		})
	}
}
