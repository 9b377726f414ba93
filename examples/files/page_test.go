package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

func TestWhatTheHTTPServerHas(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	url := "http" + strings.TrimPrefix(s.web, "ws")
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/files.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml",
		"/main.js": "text/javascript; charset=utf-8", "/hisock/files.js": "text/javascript; charset=utf-8",
		"/index.html": "", "/page/": "", "/nothing": "", "/hisock/nothing.js": "",
	} {
		res, err := http.Get(url + path) //nolint:noctx // it is answered at once
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		if contentType == "" {
			require.Equal(t, http.StatusNotFound, res.StatusCode, path)
			continue
		}
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Equal(t, contentType, res.Header.Get("Content-Type"), path)
	}
	http.DefaultClient.CloseIdleConnections()
}

// The policy forbids inline scripts and styles, so an inline one would silently not work.
func TestThePageHoldsNothingInline(t *testing.T) {
	rec := httptest.NewRecorder()
	newPages().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, policy, rec.Header().Get("Content-Security-Policy"))
	html := rec.Body.String()
	require.NotRegexp(t, `<style|\sstyle=|\son[a-z]+=|javascript:`, html)
	require.NotRegexp(t, `<script[^>]*>[^<]`, html)
	require.NotRegexp(t, `(src|href)="[^/]`, html)
}

// Each file of the page is served, and each module that a file imports is there.
func TestThePageIsWhole(t *testing.T) {
	entries, err := page.ReadDir("page")
	require.NoError(t, err)
	pages := newPages()
	for _, e := range entries {
		name := "/" + e.Name()
		if name == "/index.html" {
			name = "/"
		}
		rec := httptest.NewRecorder()
		pages.ServeHTTP(rec, httptest.NewRequest("GET", name, nil))
		require.Equal(t, http.StatusOK, rec.Code, name)
		for _, in := range regexp.MustCompile(`(?:from "\.|src="|href=")(/[^"]+)"`).FindAllStringSubmatch(rec.Body.String(), -1) {
			_, err := page.Open("page" + in[1])
			require.NoError(t, err, "%s has %s", name, in[1])
		}
	}
}

func TestBundleThatIsNone(t *testing.T) {
	p := exampletest.Start(t, run, "-dir", filepath.Join(t.TempDir(), "d"), "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", t.TempDir())
	p.Ends(exitFail)
	require.Contains(t, p.Err.String(), "manifest.json")
}
