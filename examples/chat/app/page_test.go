package app

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/ws"
)

func TestHTTPServer(t *testing.T) {
	s := startServer(t)
	s.serves(t, map[string]response{
		"page":                       {"GET", "/", 200, "text/html; charset=utf-8"},
		"style":                      {"GET", "/chat.css", 200, "text/css; charset=utf-8"},
		"script":                     {"GET", "/chat.js", 200, "text/javascript; charset=utf-8"},
		"a module of it":             {"GET", "/session.js", 200, "text/javascript; charset=utf-8"},
		"icon":                       {"GET", "/icon.svg", 200, "image/svg+xml"},
		"bundle":                     {"GET", "/hisock/hisock.js", 200, "text/javascript; charset=utf-8"},
		"wasm":                       {"HEAD", "/hisock/hisock.wasm", 200, "application/wasm"},
		"health":                     {"GET", "/healthz", 200, "text/plain; charset=utf-8"},
		"nothing":                    {"GET", "/nothing", 404, "text/plain; charset=utf-8"},
		"the page's own name":        {"GET", "/index.html", 404, "text/plain; charset=utf-8"},
		"the embedded folder":        {"GET", "/page/", 404, "text/plain; charset=utf-8"},
		"no such file in the bundle": {"GET", "/hisock/nothing.js", 404, "text/plain; charset=utf-8"},
		"posting":                    {"POST", "/", 405, "text/plain; charset=utf-8"},
		"no upgrade":                 {"GET", "/ws", 426, "text/plain; charset=utf-8"},
	})
}

// A response is a request, and what the chat's server answers.
type response struct {
	method, path string
	status       int
	contentType  string
}

// serves checks responses, and that each has the headers that are for all of them.
func (s *chatServer) serves(t *testing.T, want map[string]response) {
	for name, r := range want {
		t.Run(name, func(t *testing.T) {
			res, _ := ask(t, r.method, s.http+r.path, nil)
			require.Equal(t, r.status, res.StatusCode)
			require.Equal(t, r.contentType, res.Header.Get("Content-Type"))
			require.Equal(t, policy, res.Header.Get("Content-Security-Policy"))
			require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		})
	}
}

// A page of another origin gets a WebSocket that only says why the page is refused.
func TestAForeignPageDoesNotGetIn(t *testing.T) {
	s := startServer(t)
	for name, tc := range map[string]struct {
		origin string
		code   core.Code
	}{
		"foreign": {"http://example.com", core.CodeUnauthorized},
		"none":    {"null", core.CodeUnauthorized},
		"own":     {s.http, core.CodeNone},
	} {
		t.Run(name, func(t *testing.T) {
			d := ws.Dialer("ws"+strings.TrimPrefix(s.http, "http")+"/ws", &ws.DialOptions{Header: http.Header{"Origin": {tc.origin}}})
			cl, err := core.NewClient(d, &core.ClientOptions{Name: "ada", Logger: core.Silent})
			require.NoError(t, err)
			defer cl.Close()
			err = cl.Connect(t.Context())
			require.Equal(t, tc.code, core.CodeOf(err), "%v", err)
		})
	}
}

// ask sends a request and returns the answer with its body.
func ask(t *testing.T, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if header != nil {
		req.Header = header
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// The policy forbids inline scripts and styles, so an inline one would silently not work.
func TestThePageHoldsNothingInline(t *testing.T) {
	rec := httptest.NewRecorder()
	newPages(http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	html := rec.Body.String()
	require.NotRegexp(t, `<style|\sstyle=|\son[a-z]+=|javascript:`, html)
	require.NotRegexp(t, `<script[^>]*>[^<]`, html)
	require.NotRegexp(t, `(src|href)="[^/]`, html)
	for _, url := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		require.True(t, strings.HasPrefix(url[1], "/"), url[1])
	}
}

// Each file of the page is served under its name, except the document.
func TestEachFileOfThePageIsServed(t *testing.T) {
	files, err := fs.Glob(page, "page/*.*")
	require.NoError(t, err)
	pages := newPages(http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler())
	for _, name := range files {
		if strings.HasSuffix(name, ".html") {
			continue
		}
		rec := httptest.NewRecorder()
		pages.ServeHTTP(rec, httptest.NewRequest("GET", strings.TrimPrefix(name, "page"), nil))
		require.Equal(t, 200, rec.Code, name)
	}
}

// The fields of the page have the same limits as the server.
func TestThePageHasTheLimitsOfTheServer(t *testing.T) {
	html, err := page.ReadFile("page/index.html")
	require.NoError(t, err)
	require.Equal(t, 32, maxName)
	require.Equal(t, 2000, maxText)
	require.Regexp(t, `id="name"[^>]*maxlength="32"`, string(html))
	require.Regexp(t, `id="message"[^>]*maxlength="2000"`, string(html))
}
