package deploy

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

// given is what the snippets of docs/deploy.md may use without making it, and imported where each of
// their packages is.
const given = "srv *core.Server, site *web.Site, bundle, pages fs.FS, mux *http.ServeMux"

var imported = map[string]string{
	"context": "context", "embed": "embed", "expvar": "expvar", "fs": "io/fs", "http": "net/http", "net": "net",
	"os": "os", "signal": "os/signal", "syscall": "syscall", "tls": "crypto/tls",
	"core": "github.com/hisock/hisock/core", "tcp": "github.com/hisock/hisock/tcp",
	"transport": "github.com/hisock/hisock/transport", "web": "github.com/hisock/hisock/web", "ws": "github.com/hisock/hisock/ws",
}

// Each snippet is the body of a function of a program that requires this module.
func TestTheGoOfThePageCompiles(t *testing.T) {
	text, err := os.ReadFile("../../docs/deploy.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(blocks), 5)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(file, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	for i, b := range blocks {
		body := strings.ReplaceAll(b[1], "//go:embed bundle\n", "") // which no function may have
		for _, m := range regexp.MustCompile(`(?m)^\s*(\w+(?:, \w+)*) :=`).FindAllStringSubmatch(body, -1) {
			for name := range strings.SplitSeq(m[1], ", ") {
				body += "_ = " + name + "\n"
			}
		}
		src := "func _(" + given + ") {\n{\n" + body + "}\n}\n"
		imports := ""
		for name, path := range imported {
			if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(src) {
				imports += "import " + strconv.Quote(path) + "\n"
			}
		}
		write("snippet"+strconv.Itoa(i)+".go", "package snippets\n"+imports+src)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write("go.mod", strings.Replace(string(mod), "module github.com/hisock/hisock", "module example.org/snippets", 1)+
		"\nrequire github.com/hisock/hisock v0.0.0\nreplace github.com/hisock/hisock => "+root+"\n")
	write("go.sum", string(sum))
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-lostcancel=false", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
