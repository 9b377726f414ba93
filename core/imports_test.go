package core

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// leaves are the mechanisms below internal that any other mechanism may import.
var leaves = []string{"latch", "budget", "decimal", "groupset", "pool", "safe", "shape"}

// layers says what the packages of a folder may import beside the standard library. A folder with a star stands for the
// folders in it that have no line of their own. docs/architecture.md draws the same.
var layers = map[string][]string{
	"core/wire":              nil,
	"core/internal/LEAF":     {"core/wire"},
	"core/internal/*":        {"core/wire", "transport", "core/internal/LEAF"},
	"core/internal/classic":  {"core/wire"},
	"core/internal/legacy":   {"core/wire", "transport", "core/internal/LEAF", "core/internal/classic"},
	"core/internal/coretest": {"core/wire", "core/internal/LEAF", "transport", "transport/transporttest", "github.com/stretchr/testify/require"},
	"core":                   {"core/wire", "core/internal/*", "core/internal/LEAF", "core/internal/legacy", "transport"},
	"core/e2e/*":             nil, // tests only
	"core/e2e/harness": {
		"core", "core/wire", "core/internal/coretest", "transport", "transport/transporttest", "tcp", "ws",
		"github.com/stretchr/testify/require",
	},
	"transport":               nil,
	"transport/*":             {"transport"},
	"transport/transporttest": {"transport", "github.com/stretchr/testify/require"},
	"tcp":                     {"transport", "transport/*"},
	"ws":                      {"transport", "transport/*", "nhooyr.io/websocket"},
	"wasm":                    {"core", "ws"},
}

// layerOf returns the key of a package in layers, or the package itself if it is not of this module.
func layerOf(pkg string) string {
	if _, ok := layers[pkg]; ok {
		return pkg
	}
	for _, leaf := range leaves {
		if pkg == "core/internal/"+leaf {
			return "core/internal/LEAF"
		}
	}
	all := path.Dir(pkg) + "/*"
	if _, ok := layers[all]; ok {
		return all
	}
	return pkg
}

// A package imports what lies below it and nothing beside it: a mechanism knows the wire format, the media and the leaves,
// and neither package core nor another mechanism.
func TestImports(t *testing.T) {
	const module = "github.com/hisock/hisock/"
	checked := map[string]bool{}
	for _, top := range []string{"core", "transport", "tcp", "ws", "wasm"} {
		err := filepath.WalkDir("../"+top, func(file string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			layer := layerOf(filepath.ToSlash(filepath.Dir(file))[len("../"):])
			checked[layer] = true
			may, ok := layers[layer]
			require.True(t, ok, "%s is in no layer", file)
			allowed := map[string]bool{}
			for _, m := range may {
				allowed[m] = true
			}
			for _, i := range f.Imports {
				name, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") && !allowed[layerOf(strings.TrimPrefix(name, module))] {
					t.Errorf("%s imports %s", file, name)
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Len(t, checked, len(layers), "a layer without a file: %v", checked)
}
