package exampletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/hisock/hisock"

var blocks = regexp.MustCompile("(?s)```go\n(.*?)```")

// Go returns the blocks of Go in a document.
func Go(t *testing.T, path string) (code []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, m := range blocks.FindAllStringSubmatch(string(text), -1) {
		code = append(code, m[1])
	}
	return code
}

// Module writes files into a new folder and makes it a module that requires this module, in the state of the
// checkout. It must be called from a test two folders below the top of this module.
func Module(t *testing.T, name string, files map[string]string) (dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	dir = t.TempDir()
	write := func(file, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	write("go.mod", strings.Replace(string(mod), "module "+module, "module example.org/"+name, 1)+
		"\nrequire "+module+" v0.0.0\nreplace "+module+" => "+root+"\n")
	write("go.sum", string(sum))
	for file, text := range files {
		write(file, text)
	}
	return dir
}

// Command runs a command in a folder, and returns its output. The test fails if the command fails.
func Command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// Snippets say how the bodies of functions in a document are compiled.
type Snippets struct {
	Given    string            // parameters of the functions: variables that a snippet may use without declaring them
	Returns  string            // results of the functions
	Packages map[string]string // import paths of the packages that a snippet may use, by package name
	Flags    []string          // flags of go vet
}

// Vet runs go vet on bodies of functions, as a package of a module outside this module.
func (s Snippets) Vet(t *testing.T, bodies []string) {
	t.Helper()
	files := map[string]string{}
	for i, body := range bodies {
		src := "func _(" + s.Given + ") " + s.Returns + " {\n{\n" + body + "}\n}\n"
		imports := ""
		for name, path := range s.Packages {
			if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(src) {
				imports += "import " + strconv.Quote(path) + "\n"
			}
		}
		files["snippet"+strconv.Itoa(i)+".go"] = "package snippets\n" + imports + src
	}
	Command(t, Module(t, "snippets", files), "go", append(append([]string{"vet"}, s.Flags...), ".")...)
}
