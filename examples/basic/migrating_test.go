package main

import (
	"go/ast"
	"go/format"
	goparser "go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/internal/exampletest"
)

func migrating(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../MIGRATING.md")
	require.NoError(t, err)
	return string(text)
}

// given are the variables that the snippets of the page may use without declaring them, and the import paths of
// their packages.
const given = `ctx context.Context, srv *core.Server, client *core.Client, c *core.Conn, l *tcp.Listener, certificate tls.Certificate, authorities *x509.CertPool`

var packages = map[string]string{
	"context": "context", "tls": "crypto/tls", "x509": "crypto/x509", "fmt": "fmt", "log": "log", "time": "time",
	"core": "github.com/hisock/hisock/core", "tcp": "github.com/hisock/hisock/tcp",
}

// Each Go snippet of the page compiles as the body of a function of a program that requires this
// module.
func TestTheGoOfTheMigrationPageCompiles(t *testing.T) {
	bodies := exampletest.Go(t, "../../MIGRATING.md")
	require.Greater(t, len(bodies), 10)
	for i, body := range bodies {
		formatted, err := format.Source([]byte(body))
		require.NoError(t, err, body)
		require.Equal(t, string(formatted), body)
		if !regexp.MustCompile(`(?m)^return .*\n\z`).MatchString(body) {
			bodies[i] += "return nil\n"
		}
	}
	exampletest.Snippets{Given: given, Returns: "error", Packages: packages, Flags: []string{"-copylocks=false"}}.Vet(t, bodies)
}

// The methods, functions, codes and options that the page names exist.
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
