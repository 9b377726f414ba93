package classic

import (
	goparser "go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The codec is pure and small: it needs nothing that does I/O.
func TestImports(t *testing.T) {
	cheap := map[string]bool{
		"bytes": true, "encoding/base64": true, "math": true, "strconv": true, "strings": true, "unicode/utf16": true, "unicode/utf8": true,
		"github.com/hisock/hisock/core/wire": true,
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	files := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		files++
		f, err := goparser.ParseFile(token.NewFileSet(), e.Name(), nil, goparser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			require.True(t, cheap[path], "%s imports %s", e.Name(), path)
		}
	}
	require.Greater(t, files, 5)
}
