package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is generated to testdata")

// results returns the results of three rounds. One contestant failed in one of them, and the
// machine changed its pace.
func results() *Results {
	rates := func(a, b, c float64) []Sample {
		return []Sample{{Rate: a, CPU: 1e9 / a}, {Rate: b, CPU: 1e9 / b}, {Rate: c, CPU: 1e9 / c}}
	}
	return &Results{
		Date:    time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Command: "go run .", Rounds: 3, Seconds: 1.5,
		Machine:  []Fact{{"processor", "A | B"}, {"Go", "go1.26"}},
		Versions: []Fact{{"floor", "of this repository"}, {"other", "v1.2.3"}},
		Works: []Work{
			{Name: "echo", Title: "Echo: <1> connection", About: "There & back.", Rows: []Row{
				{Contestant: "other", Samples: rates(25_000, 60_000, 30_000)},
				{Contestant: Floor, Samples: rates(100_000, 80_000, 120_000)},
				{Contestant: "hisock/tcp", Samples: rates(110_000, 72_000, 96_000)},
				{Contestant: "broken", Samples: rates(1, 2, 3), Failure: "message 7\nhas another content"},
			}},
			{Name: "crowd", Title: "Among many", Against: "echo", Rows: []Row{
				{Contestant: Floor, Samples: rates(50_000, 40_000, 60_000)},
				{Contestant: "hisock/tcp", Samples: rates(55_000, 36_000, 48_000)},
			}},
			{Name: "latency", Title: "Latency", Kind: Latency, Rows: []Row{
				{Contestant: Floor, Samples: []Sample{{P50: 9000, P99: 120_000, CPU: 700}}},
				{Contestant: "hisock/tcp", Samples: []Sample{{P50: 15_500, P99: 60_000_000, CPU: 1234}}},
			}},
			{Name: "memory", Title: "Memory", Kind: Memory, Rows: []Row{
				{Contestant: Floor, Samples: []Sample{{Heap: 4096, Resident: 8192}, {Heap: 4608, Resident: 8192}}},
				{Contestant: "hisock/tcp", Samples: []Sample{{Heap: 2048, Resident: 3000}}},
			}},
			{Name: "nobody", Title: "Nobody managed", Rows: []Row{{Contestant: Floor, Failure: "no"}}},
		},
	}
}

// streamResults are of two rounds of works with streams.
func streamResults() *Results {
	rates := func(a, b float64) []Sample {
		return []Sample{{Rate: a, CPU: 1e9 / a, ClientCPU: 2e9 / a}, {Rate: b, CPU: 1e9 / b, ClientCPU: 2e9 / b}}
	}
	return &Results{
		Page: StreamPage, Date: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Command: "go run . -only streams", Rounds: 2, Seconds: 1.5,
		Machine:  []Fact{{"processor", "A | B"}},
		Versions: []Fact{{"floor", "of this repository"}},
		Works: []Work{
			{Name: "stream-64", Title: "Items of 64 B", Kind: Streams, Rows: []Row{
				{Contestant: Floor, Samples: rates(100_000, 80_000)},
				{Contestant: "hisock/tcp", Samples: rates(50_000, 60_000)},
				{Contestant: "commands/tcp", Samples: rates(60_000, 70_000)},
				{Contestant: "grpc", Samples: rates(10_000, 20_000)},
			}},
			{Name: "stream-bytes", Title: "Many bytes", Kind: Transfer, Rows: []Row{
				{Contestant: Floor, Samples: []Sample{{Rate: 3e9, Elapsed: 1e9 / 3, ServerPeak: 1 << 20, ClientPeak: 1 << 19}}},
				{Contestant: "hisock/tcp", Samples: []Sample{{Rate: 1.5e9, Elapsed: 2e9 / 3, ServerPeak: 4 << 20, ClientPeak: 3 << 20}}},
			}},
		},
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if *update {
		dir = "testdata"
	}
	require.NoError(t, results().Write(dir))
	require.NoError(t, streamResults().Write(dir))
	require.NoError(t, webPage().Write(dir))
	want := files(t, "testdata")
	require.Len(t, want, 3+len(results().Works)+len(streamResults().Works))
	require.Equal(t, want, files(t, dir))
}

// files returns the contents of a directory's files, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(b)
		return err
	}))
	return all
}

func TestPlotsAreXML(t *testing.T) {
	for _, w := range results().Works {
		d := xml.NewDecoder(strings.NewReader(string(w.Plot())))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, w.Name)
		}
	}
}

func TestRatiosAreWithinARound(t *testing.T) {
	w := results().Works[0]
	got := w.Row("hisock/tcp").Ratios(w.Row(Floor), rate)
	require.InDelta(t, 0.9, got.Median, 1e-9)
	require.InDelta(t, 0.8, got.Min, 1e-9)
	require.InDelta(t, 1.1, got.Max, 1e-9)
	require.Nil(t, w.Row("broken"), "a failure has no figures")
}

func TestSpread(t *testing.T) {
	tests := map[string]struct {
		in   []float64
		want Spread
	}{
		"none": {nil, Spread{}},
		"one":  {[]float64{3}, Spread{3, 3, 3}},
		"odd":  {[]float64{9, 1, 4}, Spread{4, 1, 9}},
		"even": {[]float64{9, 1, 4, 6}, Spread{5, 1, 9}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, spread(tc.in)) })
	}
}

func TestCount(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7.4: "7", 999: "999", 1234: "1,230", 1235.1: "1,240", 999_600: "1,000,000", 12_345_678: "12,300,000",
	} {
		require.Equal(t, want, count(v), "%g", v)
	}
}
