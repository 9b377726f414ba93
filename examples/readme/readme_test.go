// Package readme runs the programs of the README without changes.
package readme

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

// programs returns the README's Go programs, with the addresses changed.
func programs(t *testing.T, native, pages string) []string {
	found := exampletest.Go(t, "../../README.md")
	for i, src := range found {
		found[i] = strings.NewReplacer("127.0.0.1:6969", native, "127.0.0.1:8080", pages).Replace(src)
	}
	return found
}

// build compiles a program in a module outside this module that requires this module.
func build(t *testing.T, name, src string) string {
	dir := exampletest.Module(t, name, map[string]string{"main.go": src})
	exampletest.Command(t, dir, "gofmt", "-l", "main.go")
	exampletest.Command(t, dir, "go", "vet", ".")
	exampletest.Command(t, dir, "go", "build", "-o", name, ".")
	return filepath.Join(dir, name)
}

// freeAddr returns an address whose port is free at this moment.
func freeAddr(t *testing.T) string { return "127.0.0.1:" + exampletest.FreePort(t) }

// serve starts the server and waits until it serves. It returns the lines that the server has written until then.
func serve(t *testing.T, name string, args ...string) (srv *exec.Cmd, said []string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	srv = exec.CommandContext(ctx, name, args...)
	srv.Dir = filepath.Dir(args[len(args)-1])
	stderr, err := srv.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, srv.Start())
	for lines := bufio.NewScanner(stderr); ; {
		require.True(t, lines.Scan(), "it does not serve: %q", said)
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), "serving") {
			return srv, said
		}
	}
}

// get requests a page, which must exist.
func get(t *testing.T, url string) (body string, header http.Header) {
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s: %s", url, b)
	return string(b), res.Header
}

func TestPrograms(t *testing.T) {
	pages := freeAddr(t)
	srcs := programs(t, freeAddr(t), pages)
	require.Len(t, srcs, 2, "a server and a client")
	server, client := build(t, "server", srcs[0]), build(t, "client", srcs[1])
	srv, said := serve(t, "env", server)
	require.Contains(t, said[0], "bundle: compile", "it says what it does when that takes long")
	require.Contains(t, said[len(said)-1], "http://"+pages)
	page, header := get(t, "http://"+pages+"/")
	require.Contains(t, header.Get("Content-Type"), "text/html")
	module := regexp.MustCompile(`from "(.*?)"`).FindStringSubmatch(page)
	require.NotNil(t, module, page)
	script, _ := get(t, "http://"+pages+module[1])
	require.Contains(t, script, "export")

	require.Equal(t, "6 <nil>\n", exampletest.Command(t, srv.Dir, client))
	require.NoError(t, srv.Process.Signal(os.Interrupt))
	require.NoError(t, srv.Wait(), "it ends in order")
}

// The README's server with the options of the section about groups, and its client with the other code of that section.
func TestGroups(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Groups\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var code []string
	for _, block := range regexp.MustCompile(`(?m)(^    .*\n|^\n)+`).FindAllString(section, -1) {
		if block = strings.TrimSpace(block); block != "" {
			code = append(code, block+"\n")
		}
	}
	require.Len(t, code, 2, "a server's and a client's")
	goes, _, found := strings.Cut(code[1], "client.on(")
	require.True(t, found, "a page's")
	handler, join, found := strings.Cut(strings.ReplaceAll(goes, "client", "c"), "    if err := c.Join")
	require.True(t, found)

	srcs := programs(t, freeAddr(t), freeAddr(t))
	change := func(src, pattern, with string) string {
		found := regexp.MustCompile(pattern).FindString(src)
		require.NotEmpty(t, found, pattern)
		return strings.Replace(src, found, with, 1)
	}
	srcs[0] = change(srcs[0], `srv, err := core.NewServer\(.*\n`, code[0])
	srcs[1] = change(srcs[1], `(?s)core\.On\(c, "said".*?\n\t}\)\n`, handler)
	srcs[1] = change(srcs[1], `\tc\.Send\(.*\n`, "if err := c.Join"+join+"c.Send(\"say\", \"hello\")\n")
	server, client := build(t, "server", srcs[0]), build(t, "client", srcs[1])
	srv, _ := serve(t, "env", server)
	require.Equal(t, "this is for the staff only\n6 <nil>\n", exampletest.Command(t, srv.Dir, client))
	said := strings.Split(exampletest.Command(t, srv.Dir, client), "\n") // an answer may overtake a handler
	require.ElementsMatch(t, []string{"ada: hello true", "this is for the staff only", "6 <nil>", ""}, said)
	require.NoError(t, srv.Process.Signal(os.Interrupt))
	require.NoError(t, srv.Wait(), "it ends in order")
}

// If an address is in use, the server ends with an error that says so.
func TestServerSaysWhatFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // nothing to be done about it
	server := build(t, "server", programs(t, freeAddr(t), taken.Addr().String())[0])
	cmd := exec.CommandContext(t.Context(), server)
	cmd.Dir = filepath.Dir(server)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "address already in use")
}

// Silent connections to the page do not keep other clients out for long, even if the process has
// few descriptors.
func TestIdleBrowsers(t *testing.T) {
	pages := freeAddr(t)
	srcs := programs(t, freeAddr(t), pages)
	server, client := build(t, "server", srcs[0]), build(t, "client", srcs[1])
	srv, _ := serve(t, "sh", "-c", `ulimit -n 256 && exec "$0"`, server)
	for range 400 {
		c, err := net.Dial("tcp", pages)
		require.NoError(t, err)
		defer c.Close() //nolint:errcheck // nothing to be done about it
	}
	start := time.Now()
	require.Equal(t, "6 <nil>\n", exampletest.Command(t, srv.Dir, client))
	t.Logf("soak: attack=%q tries=400 got in after %.1f s", "idle HTTP connections", time.Since(start).Seconds())
	require.NoError(t, srv.Process.Signal(os.Interrupt))
	require.NoError(t, srv.Wait(), "it ends in order")
}

var commands = regexp.MustCompile("(?s)```sh\n(go mod init.*?)```")

// The README's commands make a module in an empty folder, and the README's programs build in it. This module
// comes from a module proxy, which is a folder here.
func TestCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	found := commands.FindStringSubmatch(string(text))
	require.NotNil(t, found)
	dir, cache := t.TempDir(), t.TempDir()
	known := strings.TrimSpace(exampletest.Command(t, dir, "go", "env", "GOMODCACHE"))
	t.Setenv("GOPROXY", "file://"+proxy(t)+",file://"+filepath.ToSlash(known)+"/cache/download")
	t.Setenv("GOMODCACHE", cache)
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-modcacherw") // so that it can be removed
	exampletest.Command(t, dir, "sh", "-ec", found[1])
	for _, src := range programs(t, freeAddr(t), freeAddr(t)) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(src), 0o600))
		exampletest.Command(t, dir, "go", "build", "-o", "program", ".")
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/hisock/hisock/wasm")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "what the bundle is built from is there: %s", out)
}

// proxy returns a folder that the go command can use as a module proxy. It has one release of this module.
func proxy(t *testing.T) string {
	const module, version = "github.com/hisock/hisock", "v0.0.1"
	root := "../.."
	dir := t.TempDir()
	at := filepath.Join(dir, module, "@v")
	require.NoError(t, os.MkdirAll(at, 0o755))
	put := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(at, name), b, 0o600))
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	put("list", []byte(version+"\n"))
	put(version+".info", []byte(`{"Version":"`+version+`"}`))
	put(version+".mod", mod)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	isModule := func(name string) bool { // a module of its own, which the go command leaves out
		_, err := os.Stat(filepath.Join(root, name, "go.mod"))
		return err == nil
	}
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && (e.Name()[0] == '.' || e.Name() == "node_modules" || isModule(name)):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !e.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		w, err := z.Create(module + "@" + version + "/" + name)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	require.NoError(t, err)
	require.NoError(t, z.Close())
	put(version+".zip", b.Bytes())
	return dir
}
