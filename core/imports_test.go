//go:build !js

package core

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module       = "github.com/hisock/hisock/"
	architecture = "../docs/architecture.md"
)

// noTable matches the folders whose packages may import anything: programs, and packages that only
// tests use.
var noTable = regexp.MustCompile(`^(examples|core/e2e|core/internal/coretest|web/)`)

// others are the modules that packages import, besides the standard library and this module, tests
// aside.
var others = map[string]string{
	"ws":                            "nhooyr.io/websocket",
	"transport/transporttest":       "github.com/stretchr/testify/require",
	"core/internal/coretest":        "github.com/stretchr/testify/require",
	"core/e2e/harness":              "github.com/stretchr/testify/require",
	"core/historytest":              "github.com/stretchr/testify/require",
	"core/relaytest":                "github.com/stretchr/testify/require",
	"examples/internal/exampletest": "github.com/stretchr/testify/require",
}

// The table of docs/architecture.md lists the packages of this module that each package imports,
// tests aside.
func TestImports(t *testing.T) {
	table, seen := readImports(t), map[string]bool{}
	for pkg, imports := range importsOf(t) {
		if noTable.MatchString(pkg) {
			continue
		}
		row, ok := table[pkg]
		if !ok {
			t.Errorf("%s has no row in %s", pkg, architecture)
			continue
		}
		for name, file := range imports {
			if !row.named[name] && (!row.leaves || !table[name].leaf) && (!row.rooms || !strings.HasPrefix(name, "core/internal/")) {
				t.Errorf("%s imports %s, which the row of %s does not say", file, name, pkg)
			}
		}
		for name := range row.named {
			if imports[name] == "" {
				t.Errorf("the row of %s says that it imports %s", pkg, name)
			}
		}
		seen[pkg] = true
	}
	for pkg := range table {
		require.True(t, seen[pkg], "there is no %s", pkg)
	}
}

// Each file, folder, test and method that docs/architecture.md names exists.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(architecture)
	require.NoError(t, err)
	named := regexp.MustCompile("`((?:core|transport|tcp|ws|wasm|web|docs|examples)/[a-z0-9_/.*]+)`").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 20)
	for _, name := range named {
		found, err := filepath.Glob(filepath.Join("..", string(name[1])))
		require.NoError(t, err)
		require.NotEmpty(t, found, string(name[1]))
	}
	alone := regexp.MustCompile("`([a-z0-9_]+\\.go)`").FindAllSubmatch(text, -1)
	for _, name := range alone {
		require.FileExists(t, string(name[1]))
	}
	sources := readSources(t)
	for _, name := range regexp.MustCompile("`(Test[A-Z][A-Za-z]*)`").FindAllSubmatch(text, -1) {
		require.True(t, strings.Contains(sources, "\nfunc "+string(name[1])+"("), string(name[1]))
	}
	for _, name := range regexp.MustCompile("`(Conn|Server|Client|Guard)\\.([A-Za-z]+)`").FindAllSubmatch(text, -1) {
		method := regexp.MustCompile(`\nfunc \([a-z]+ \*` + string(name[1]) + `\) ` + string(name[2]) + `\(`)
		require.True(t, method.MatchString(sources), string(name[0]))
	}
}

// readSources returns the Go files of this module, concatenated.
func readSources(t *testing.T) string {
	var all strings.Builder
	for _, pattern := range []string{"*.go", "*/*.go", "*/*/*.go", "*/*/*/*.go"} {
		files, err := filepath.Glob(filepath.Join("..", pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			all.Write(text)
		}
	}
	return all.String()
}

// An allowed is the packages that a row of the table lets a package import.
type allowed struct {
	leaf          bool // any room may import it
	named         map[string]bool
	leaves, rooms bool // all leaves, all rooms
}

func readImports(t *testing.T) map[string]allowed {
	text, err := os.ReadFile(architecture)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "## What may import what")
	require.True(t, ok)
	section, _, _ := strings.Cut(rest, "\n## ")
	table := map[string]allowed{}
	path := regexp.MustCompile("`([a-z0-9/]+)`")
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !path.MatchString(cells[1]) {
			continue
		}
		row := allowed{
			leaf:   strings.Contains(cells[2], "(leaf)"),
			named:  map[string]bool{},
			leaves: strings.Contains(cells[3], "leaves"),
			rooms:  strings.Contains(cells[3], "rooms"),
		}
		for _, name := range path.FindAllStringSubmatch(cells[3], -1) {
			row.named[name[1]] = true
		}
		table[path.FindStringSubmatch(cells[1])[1]] = row
	}
	require.Greater(t, len(table), 10)
	return table
}

// importsOf returns, for each package, the packages of this module that it imports, each with a
// file that imports it.
func importsOf(t *testing.T) map[string]map[string]string {
	all := map[string]map[string]string{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if rel != "." && (err == nil || strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		if all[pkg] == nil {
			all[pkg] = map[string]string{}
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			first, _, _ := strings.Cut(name, "/")
			if own, ok := strings.CutPrefix(name, module); ok {
				all[pkg][own] = filepath.ToSlash(rel)
			} else if strings.Contains(first, ".") && others[pkg] != name {
				t.Errorf("%s imports %s", rel, name)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 20)
	return all
}
