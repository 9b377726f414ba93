package main

import (
	"go/ast"
	"go/format"
	goparser "go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

func migrating(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../MIGRATING.md")
	require.NoError(t, err)
	return string(text)
}

// given is what the snippets of the page may use without making it, and where each of
// their packages is.
const given = `ctx context.Context, srv *core.Server, client *core.Client, c *core.Conn, l *tcp.Listener, certificate tls.Certificate, authorities *x509.CertPool`

var packages = map[string]string{
	"context": "context", "tls": "crypto/tls", "x509": "crypto/x509", "fmt": "fmt", "log": "log", "time": "time",
	"core": "github.com/hisock/hisock/core", "tcp": "github.com/hisock/hisock/tcp",
}

// Each snippet is the body of a function of a program that requires this module.
func TestTheGoOfTheMigrationPageCompiles(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(migrating(t), -1)
	require.Greater(t, len(blocks), 10)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(file, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	for i, b := range blocks {
		formatted, err := format.Source([]byte(b[1]))
		require.NoError(t, err, b[1])
		require.Equal(t, string(formatted), b[1])
		body := b[1]
		if !regexp.MustCompile(`(?m)^return .*\n\z`).MatchString(body) {
			body += "return nil\n"
		}
		src := "func _(" + given + ") error {\n{\n" + body + "}\n}\n"
		imports := ""
		for name, path := range packages {
			if regexp.MustCompile(`\b` + name + `\.`).MatchString(src) {
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
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-copylocks=false", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// What the tables and sentences call by name is there: methods, functions, codes, options.
func TestTheMigrationPageNamesWhatThereIs(t *testing.T) {
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(migrating(t), "")
	methods := map[string]reflect.Type{
		"srv":    reflect.TypeFor[*core.Server](),
		"client": reflect.TypeFor[*core.Client](),
		"c":      reflect.TypeFor[*core.Conn](),
	}
	declared := map[string]map[string]bool{"core": exported(t, "../../core"), "tcp": exported(t, "../../tcp")}
	named := 0
	for _, span := range regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1) {
		for _, m := range regexp.MustCompile(`\b(srv|client|c|core|tcp)\.([A-Z]\w*)`).FindAllStringSubmatch(span, -1) {
			named++
			if typ := methods[m[1]]; typ != nil {
				_, ok := typ.MethodByName(m[2])
				require.True(t, ok, "%v has no %s", typ, m[2])
				continue
			}
			require.True(t, declared[m[1]][m[2]], "%s has no %s", m[1], m[2])
		}
		for _, m := range regexp.MustCompile(`core\.(ServerOptions|ClientOptions|Classic|Limits|Timeouts|Access|ClassicOptions)\{(\w+):`).FindAllStringSubmatch(span, -1) {
			options := map[string]reflect.Type{
				"ServerOptions": reflect.TypeFor[core.ServerOptions](),
				"ClientOptions": reflect.TypeFor[core.ClientOptions](),
				"Classic":       reflect.TypeFor[core.Classic](),

				"Limits":         reflect.TypeFor[core.Limits](),
				"Timeouts":       reflect.TypeFor[core.Timeouts](),
				"Access":         reflect.TypeFor[core.Access](),
				"ClassicOptions": reflect.TypeFor[core.ClassicOptions](),
			}
			_, ok := options[m[1]].FieldByName(m[2])
			require.True(t, ok, "%s has no %s", m[1], m[2])
		}
	}
	require.Greater(t, named, 60)

	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		title := strings.ReplaceAll(m[1], "-", " ")
		require.Regexp(t, `(?mi)^## `+title+`$`, text, "a link within the page")
	}
}

// exported returns the exported names that the package in dir declares.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := goparser.ParseFile(token.NewFileSet(), file, nil, goparser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}
