package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

const docs = "../../../../docs"

func page(t *testing.T) Page {
	t.Helper()
	c, err := model.Read("../costs.json")
	require.NoError(t, err)
	checks, err := model.ReadChecks("../checks.json")
	require.NoError(t, err)
	return Make(c, checks)
}

// docs/scaling.md and its plots are what the command makes of the costs that are here.
func TestDocumentIsUpToDate(t *testing.T) {
	p := page(t)
	document, err := os.ReadFile(filepath.Join(docs, "scaling.md"))
	require.NoError(t, err)
	filled, err := Fill(document, p.Blocks)
	require.NoError(t, err)
	require.Equal(t, string(filled), string(document), "run in core/natsrelay: go run ./simulation")

	entries, err := os.ReadDir(filepath.Join(docs, "scaling"))
	require.NoError(t, err)
	require.Len(t, entries, len(p.Plots))
	for name, plot := range p.Plots {
		there, err := os.ReadFile(filepath.Join(docs, "scaling", name))
		require.NoError(t, err)
		require.Equal(t, string(plot), string(there), "%s: run in core/natsrelay: go run ./simulation", name)
		require.Contains(t, string(document), "(scaling/"+name+")", "the document shows each plot")
	}
}

// What docs/scaling.md says of the model holds for the checks that are here.
func TestModelIsNearRealClusters(t *testing.T) {
	checks, err := model.ReadChecks("../checks.json")
	require.NoError(t, err)
	require.Len(t, checks, 25)
	for _, c := range checks {
		factor := 2.5
		if c.Unit == "" {
			factor = 1.05
		}
		require.Less(t, c.Computed, c.Measured*factor, "%s: %s", c.Cluster, c.What)
		require.Greater(t, c.Computed, c.Measured/factor, "%s: %s", c.Cluster, c.What)
	}
}

func TestPlotsAreXML(t *testing.T) {
	for name, plot := range page(t).Plots {
		d := xml.NewDecoder(strings.NewReader(string(plot)))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
		}
		require.NotContains(t, string(plot), "NaN", name)
		require.NotContains(t, string(plot), "Inf", name)
	}
}

func TestFill(t *testing.T) {
	const empty = "# A\n\n<!-- begin a -->\n<!-- end a -->\n\ntext\n"
	got, err := Fill([]byte(empty), map[string]string{"a": "one\n"})
	require.NoError(t, err)
	require.Equal(t, "# A\n\n<!-- begin a -->\n\none\n\n<!-- end a -->\n\ntext\n", string(got))
	again, err := Fill(got, map[string]string{"a": "two"})
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(got), "one", "two"), string(again))
	_, err = Fill(got, map[string]string{"b": ""})
	require.ErrorContains(t, err, `"b"`)
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	p := Page{Blocks: map[string]string{"a": "text"}, Plots: map[string][]byte{"p.svg": []byte("<svg/>")}}
	require.Error(t, p.Write(dir), "there is no document")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "scaling.md"), []byte("<!-- begin a -->\n<!-- end a -->\n"), 0o600))
	require.NoError(t, p.Write(dir))
	plot, err := os.ReadFile(filepath.Join(dir, "scaling", "p.svg"))
	require.NoError(t, err)
	require.Equal(t, "<svg/>", string(plot))
}

func TestAmounts(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.034: "0.034", 1: "1", 9.96: "10", 42: "42", 999: "1 k", 1234: "1.2 k", 999_999: "1 M", 1.26e7: "13 M", 3e9: "3 G", 2.5e12: "2.5 T",
	} {
		require.Equal(t, want, amount(v), "%g", v)
	}
	require.Equal(t, "1 KiB", memory(1024))
	require.Equal(t, "1.5 GiB", memory(1.5*(1<<30)))
	require.Equal(t, "107 TiB", memory(107*(1<<40)))
}
