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

// Module writes files into a folder that is a module outside this one, which requires this one as it
// stands two folders above the test.
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

// Command runs a command in a folder, and returns what it has said.
func Command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// Snippets are bodies of functions, as a document shows them.
type Snippets struct {
	Given    string            // parameters: what a snippet may use without making it
	Returns  string            // results
	Packages map[string]string // where each package is that a snippet may use
	Flags    []string          // of go vet
}

// Vet vets bodies of functions as a package of a module outside this one.
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
