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

// leaves are the packages below internal that import the standard library and the wire format only: any other
// mechanism may import them.
var leaves = map[string]bool{"latch": true, "budget": true, "decimal": true, "groupset": true, "pool": true, "safe": true, "shape": true}

// forTests is what the package for tests below internal imports beside that.
var forTests = map[string]bool{"github.com/stretchr/testify/require": true, "github.com/hisock/hisock/transport/transporttest": true}

// A mechanism below internal knows the wire format, the media and the leaves, and neither this package nor
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
			if !strings.Contains(first, ".") {
				continue
			}
			in := filepath.Base(filepath.Dir(path))
			leaf, below := strings.CutPrefix(name, module+"core/internal/")
			allowed := name == module+"core/wire" || in == "coretest" && forTests[name] ||
				!leaves[in] && (name == module+"transport" || below && leaves[leaf]) ||
				in == "legacy" && leaf == "classic"
			if !allowed {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, files)
}
