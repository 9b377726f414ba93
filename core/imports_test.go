package core

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A mechanism below internal knows the wire format and the media, and neither this package nor
// another mechanism.
func TestInternalImports(t *testing.T) {
	const module = "github.com/hisock/hisock/"
	files := 0
	err := filepath.WalkDir("internal", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			first, _, _ := strings.Cut(name, "/")
			if strings.Contains(first, ".") && name != module+"core/wire" && name != module+"transport" {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, files)
}
