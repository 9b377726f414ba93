package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/bench/chrome"
	"github.com/hisock/hisock/examples/bench/report"
)

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// byHand makes a site in a folder whose only contestant is by hand, which needs no packages.
func byHand(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, content []byte) {
		path := filepath.Join(dir, name) + gzSuffix
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, gzipped(t, content), 0o644))
	}
	pages := os.DirFS(filepath.Join(webDir, "page"))
	names, err := fs.Glob(pages, "*.mjs")
	require.NoError(t, err)
	for _, name := range append(names, "contestants/hand.mjs", "contestants/hand-each.mjs") {
		content, err := fs.ReadFile(pages, name)
		require.NoError(t, err)
		write(name, content)
	}
	write("empty/index.html", []byte("<!doctype html><title>bench</title>"))
	write("hand-each/index.html", []byte(`<!doctype html><title>bench</title><script type="module">
		import { connect } from "/contestants/hand-each.mjs";
		import { begin } from "/begin.mjs";
		begin(connect);
	</script>`))
}

// All works are done in a real browser, with the one contestant that needs no packages.
func TestAPageDoesAllWorks(t *testing.T) {
	if _, err := chrome.Path(); err != nil {
		t.Skip(err, "(make setup does)")
	}
	dir := t.TempDir()
	byHand(t, dir)
	who, err := chooseWeb("hand-each")
	require.NoError(t, err)
	page, _, err := measureWeb(who, dir, 1, webScale{seconds: 0.02, burst: 100, handlers: 10, uploads: 1})
	require.NoError(t, err)
	require.NoError(t, webFailures(page))
	require.Len(t, page.Contestants[0].Samples, 1)
	sample := page.Contestants[0].Samples[0]
	for _, key := range []string{
		"received", "main thread", "one by one", "64 in flight", "sent", "first answer", "connected", "longest task",
		"upload visible", "upload hidden",
	} {
		require.Positive(t, sample[key], key)
	}
	require.Greater(t, sample["first answer"], 40.0*4, "connections for the page and the socket, the handshake and the answer")
	for _, row := range append(report.WebRows, report.WebFound...) {
		if _, ok := sample[row.Key]; !ok {
			require.Contains(t, []string{"download", "on", "remove", "private connected", "private loaded"}, row.Key, "which not all pages and systems have")
		}
	}
}

func TestPagesAreServedGzipped(t *testing.T) {
	packed := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: gzipped(t, []byte(text))} }
	files, err := readPages(fstest.MapFS{
		"a/index.html.gz": packed("page"), "a/app.js.gz": packed("app"), "a/app.js": &fstest.MapFile{Data: []byte("app")},
		"works.mjs.gz": packed("works"), "a/hisock.wasm.gz": packed("wasm"),
	})
	require.NoError(t, err)
	tests := map[string]struct {
		path, contentType, content string
	}{
		"a page":     {"/a/?socket=1", "text/html; charset=utf-8", "page"},
		"a script":   {"/a/app.js", "text/javascript; charset=utf-8", "app"},
		"a module":   {"/works.mjs", "text/javascript; charset=utf-8", "works"},
		"a program":  {"/a/hisock.wasm", "application/wasm", "wasm"},
		"not packed": {"/a/app.js.gz", "", ""},
		"nothing":    {"/a", "", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			files.ServeHTTP(w, httptest.NewRequest("GET", tc.path, nil))
			if tc.content == "" {
				require.Equal(t, 404, w.Code)
				return
			}
			require.Equal(t, tc.contentType, w.Header().Get("Content-Type"))
			require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
			r, err := gzip.NewReader(w.Body)
			require.NoError(t, err)
			content, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, tc.content, string(content))
		})
	}
}

func TestChooseWeb(t *testing.T) {
	all, err := chooseWeb("")
	require.NoError(t, err)
	require.Len(t, all, len(webContestants))
	some, err := chooseWeb("nats,hisock-js")
	require.NoError(t, err)
	require.Equal(t, []string{"nats.js", "hisock, JavaScript"}, []string{some[0].name, some[1].name})
	_, err = chooseWeb("nats,nobody")
	require.ErrorContains(t, err, `"nobody"`)
}
