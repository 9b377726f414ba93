package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func webPage() *WebPage {
	return &WebPage{
		Date:    time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Command: "go run . web", Rounds: 3, Seconds: 0.5,
		Contestants: []WebContestant{
			{Name: "hisock", Samples: []map[string]float64{
				{"received": 98_765, "heap connected": 3_400_000, "download": 29_345, "on": 0.42, "upload hidden": 400},
				{"received": 90_000, "heap connected": 3_500_000, "download": 29_345, "on": 0.38},
				{"received": 101_000, "heap connected": -20_000, "download": 29_345, "on": 1.04},
			}},
			{Name: "by hand", Samples: []map[string]float64{{"received": 131_000}, {"received": 132_000}, {"received": 99_000}}},
			{Name: "broken", Failure: "the page | crashed", Samples: []map[string]float64{{"received": 1}}},
		},
		Files:    WebFiles(map[string]int{"js": 29_312, "core": 22_540}),
		Machine:  []Fact{{"processor", "A | B"}},
		Versions: []Fact{{"hisock", "of this repository"}},
	}
}

func TestWebPage(t *testing.T) {
	got := string(webPage().Markdown())
	require.Contains(t, got, "| received, a second | 98,800 | 131,000 | failed |")
	require.Contains(t, got, "| heap and buffers, MB | 3.4 |  | failed |")
	require.Contains(t, got, "| to download, gzipped, KB | 29 |  | failed |")
	require.Contains(t, got, "| setting a handler, µs | 0.38–1.0 |  | failed |", "the smallest and the largest")
	require.Contains(t, got, "broken failed: the page / crashed")
}
