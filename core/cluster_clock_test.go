//go:build !js

package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nodes whose clocks are an hour apart, or are set meanwhile, work as others do, because nothing of a cluster reads the clock on the wall: times that
// are compared are measured by the monotonic clock of one process.
func TestClustersReadNoWallClock(t *testing.T) {
	// What takes the time of the wall out of a time.Time, or makes a time.Time of it.
	reads := map[string]bool{
		"Unix": true, "UnixNano": true, "UnixMilli": true, "UnixMicro": true, "Date": true, "UTC": true, "YearDay": true, "MarshalBinary": true,
	}
	seen := 0
	for _, glob := range []string{"cluster_*.go", "internal/relay/*.go", "natsrelay/*.go"} {
		files, err := filepath.Glob(glob)
		require.NoError(t, err)
		for _, name := range files {
			if matched, _ := filepath.Match("*_test.go", filepath.Base(name)); matched {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			seen++
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && reads[sel.Sel.Name] {
					t.Errorf("%s: %s reads the clock on the wall", fset.Position(sel.Pos()), sel.Sel.Name)
				}
				return true
			})
		}
	}
	require.Greater(t, seen, 20)
}
