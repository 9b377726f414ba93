package wire

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The browser build carries all imports of this package, used or not. These packages cost nothing
// beyond what every Go program has.
func TestImports(t *testing.T) {
	cheap := map[string]bool{
		"maps": true, "math/bits": true, "slices": true, "strconv": true, "time": true, "unicode/utf8": true,
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	files := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			require.True(t, cheap[path], "%s imports %s", e.Name(), path)
		}
	}
	require.Greater(t, files, 5)
}
