package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/bench/report"
)

// Every pair of servers passes all messages of all works on, each once and in order.
func TestEveryCluster(t *testing.T) {
	r := &runner{rounds: 1, warm: 5 * time.Millisecond, measure: 25 * time.Millisecond, drain: 20 * time.Second, log: io.Discard}
	for _, c := range clusterContestants {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range clusterWorks(5) {
				s, err := r.betweenServers(w, c)
				require.NoError(t, err, w.title)
				require.Positive(t, s.Rate, w.title)
				require.Equal(t, w.Rate > 0, s.P99 > 0, w.title)
			}
		})
	}
}

func TestClusterTable(t *testing.T) {
	samples := make([][]report.Sample, len(clusterContestants))
	for i := range samples {
		for _, rate := range []float64{1, 9, 4} {
			samples[i] = append(samples[i], report.Sample{Rate: rate * float64(i+1), CPU: 1500})
		}
	}
	var out bytes.Buffer
	writeClusterTable(&out, clusterWorks(5)[0], clusterContestants, samples)
	require.Contains(t, out.String(), "| NATS itself | 4 | 0.50 | 1.50 µs |")
	require.Contains(t, out.String(), "| by hand over NATS | 8 | 1.00 | 1.50 µs |")
}
