package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

// given are the variables that the snippets of docs/deploy.md may use without declaring them. imported has the import
// paths of their packages.
const given = "srv *core.Server, site *web.Site, bundle, pages fs.FS, mux *http.ServeMux"

var imported = map[string]string{
	"context": "context", "expvar": "expvar", "fs": "io/fs", "http": "net/http", "net": "net",
	"os": "os", "signal": "os/signal", "syscall": "syscall", "tls": "crypto/tls",
	"core": "github.com/hisock/hisock/core", "tcp": "github.com/hisock/hisock/tcp",
	"transport": "github.com/hisock/hisock/transport", "web": "github.com/hisock/hisock/web", "ws": "github.com/hisock/hisock/ws",
}

// Each Go snippet of docs/deploy.md compiles as the body of a function of a program that requires
// this module.
func TestTheGoOfThePageCompiles(t *testing.T) {
	bodies := exampletest.Go(t, "../../docs/deploy.md")
	require.Greater(t, len(bodies), 5)
	bodies = slices.DeleteFunc(bodies, func(body string) bool { return strings.HasPrefix(body, "package ") }) // a program, which is built
	for i, body := range bodies {
		for _, m := range regexp.MustCompile(`(?m)^\s*(\w+(?:, \w+)*) :=`).FindAllStringSubmatch(body, -1) {
			for name := range strings.SplitSeq(m[1], ", ") {
				body += "_ = " + name + "\n"
			}
		}
		bodies[i] = body
	}
	exampletest.Snippets{Given: given, Packages: imported, Flags: []string{"-lostcancel=false"}}.Vet(t, bodies)
}
