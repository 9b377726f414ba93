package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func newHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := Handler(os.DirFS(bundleDir(t)))
	require.NoError(t, err)
	return h
}

// ask sends a request. header has names and values in turn.
func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandlerServesEveryFile(t *testing.T) {
	h := newHandler(t)
	files := contents(t, bundleDir(t))
	types := map[string]string{
		".wasm": "application/wasm",
		".js":   "text/javascript; charset=utf-8",
		".ts":   "text/plain; charset=utf-8",
	}
	for _, name := range bundleNames() {
		w := ask(h, http.MethodGet, "/"+name)
		require.Equal(t, http.StatusOK, w.Code, name)
		require.Equal(t, types[filepath.Ext(name)], w.Header().Get("Content-Type"), name)
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"), name)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), name)
		require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), name)
		require.Empty(t, w.Header().Get("Content-Encoding"), name)
		require.True(t, files[name] == w.Body.String(), name)

		require.Equal(t, http.StatusOK, ask(h, http.MethodGet, name).Code, "without a slash: %s", name)
	}
	w := ask(h, http.MethodGet, "/manifest.json", "Accept-Encoding", "gzip")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.JSONEq(t, files[manifestFile], w.Body.String())
}

func TestHandlerNegotiatesGzip(t *testing.T) {
	tests := map[string]struct {
		accept []string
		want   bool
	}{
		"nothing said":        {nil, false},
		"empty":               {[]string{""}, false},
		"gzip":                {[]string{"gzip"}, true},
		"among others":        {[]string{"br;q=1.0, GZIP ; q=0.5"}, true},
		"in a second line":    {[]string{"br", "gzip"}, true},
		"x-gzip":              {[]string{"x-gzip"}, true},
		"refused":             {[]string{"gzip;q=0"}, false},
		"refused, else any":   {[]string{"gzip;q=0.000, *"}, false},
		"any":                 {[]string{"*"}, true},
		"nothing at all":      {[]string{"*;q=0"}, false},
		"others only":         {[]string{"br, deflate, zstd"}, false},
		"a weight of nothing": {[]string{"gzip;q="}, false},
		"not a weight":        {[]string{"gzip;q=NaN"}, false},
		"too heavy":           {[]string{"gzip;q=2"}, false},
		"another word":        {[]string{"gzippy"}, false},
	}
	h := newHandler(t)
	files := contents(t, bundleDir(t))
	plain := ask(h, http.MethodGet, "/hisock.wasm").Header().Get("ETag")
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var header []string
			for _, a := range tc.accept {
				header = append(header, "Accept-Encoding", a)
			}
			w := ask(h, http.MethodGet, "/hisock.wasm", header...)
			require.Equal(t, http.StatusOK, w.Code)
			require.Equal(t, "application/wasm", w.Header().Get("Content-Type"))
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
			if !tc.want {
				require.Empty(t, w.Header().Get("Content-Encoding"))
				require.Equal(t, plain, w.Header().Get("ETag"))
				require.True(t, files["hisock.wasm"] == w.Body.String())
				return
			}
			require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
			require.NotEqual(t, plain, w.Header().Get("ETag"))
			require.True(t, files["hisock.wasm.gz"] == w.Body.String())
			require.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"))
		})
	}
}

func TestHandlerRevalidates(t *testing.T) {
	h := newHandler(t)
	for _, accept := range []string{"gzip", "identity"} {
		etag := ask(h, http.MethodGet, "/hisock.js", "Accept-Encoding", accept).Header().Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{64}"$`, etag)
		w := ask(h, http.MethodGet, "/hisock.js", "Accept-Encoding", accept, "If-None-Match", etag)
		require.Equal(t, http.StatusNotModified, w.Code)
		require.Empty(t, w.Body.String())
		require.Equal(t, etag, w.Header().Get("ETag"))
		require.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/hisock.js", "If-None-Match", `"other"`).Code)
	}
}

func TestHandlerHeadAndOtherMethods(t *testing.T) {
	h := newHandler(t)
	for _, accept := range []string{"gzip", "identity"} {
		get := ask(h, http.MethodGet, "/hisock.wasm", "Accept-Encoding", accept)
		head := ask(h, http.MethodHead, "/hisock.wasm", "Accept-Encoding", accept)
		require.Equal(t, http.StatusOK, head.Code)
		require.Zero(t, head.Body.Len())
		require.Equal(t, get.Header(), head.Header())
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := ask(h, method, "/hisock.js")
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
}

func TestHandlerServesParts(t *testing.T) {
	h := newHandler(t)
	w := ask(h, http.MethodGet, "/hisock.wasm", "Range", "bytes=0-3", "Accept-Encoding", "gzip")
	require.Equal(t, http.StatusPartialContent, w.Code)
	require.Equal(t, "\x00asm", w.Body.String())
	require.Empty(t, w.Header().Get("Content-Encoding"))
	w = ask(h, http.MethodGet, "/hisock.wasm", "Range", "bytes=999999999-")
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, w.Code)
}

func TestHandlerServesNothingElse(t *testing.T) {
	h := newHandler(t)
	for _, path := range []string{
		"", "/", "/.", "/..", "/../handler.go", "/hisock.js/", "//hisock.js", "/./hisock.js",
		"/hisock.wasm.gz", "/HISOCK.JS", "/hisock.js\x00", "/etc/passwd", "/%2e%2e/go.mod",
	} {
		w := ask(h, http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, w.Code, "%q", path)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.NotContains(t, w.Body.String(), "wasm", "no list of what there is")
	}
}

func TestHandlerUnderAPrefix(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/static/hisock/", http.StripPrefix("/static/hisock/", newHandler(t)))
	require.Equal(t, http.StatusOK, ask(mux, http.MethodGet, "/static/hisock/hisock.js").Code)
	require.Equal(t, http.StatusNotFound, ask(mux, http.MethodGet, "/static/hisock/").Code)
}

func TestHandlerSaysWhatABundleLacks(t *testing.T) {
	dir := copyBundle(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "hisock.wasm.gz")))
	require.NoError(t, os.Remove(filepath.Join(dir, "client.js")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "wasm_exec.js"), []byte("of another toolchain"), 0o644))
	_, err := Handler(os.DirFS(dir))
	var fault *BundleError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []string{"client.js", "hisock.wasm.gz"}, fault.Missing)
	require.Equal(t, []string{"wasm_exec.js"}, fault.Damaged)
	require.EqualError(t, err, `web: bundle: lacks "client.js", "hisock.wasm.gz"; has a damaged "wasm_exec.js"`)
}

func TestCheckOfWhatIsNoBundle(t *testing.T) {
	tests := map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"empty folder":        {fstest.MapFS{}, ` "calls.js", `},
		"manifest is no JSON": {fstest.MapFS{manifestFile: {Data: []byte("<html>")}}, `has a damaged "manifest.json"; invalid character`},
		"manifest of another": {fstest.MapFS{manifestFile: {Data: []byte(`{"name": "app"}`)}}, `layout 0 is not the 1`},
		"manifest lists none": {fstest.MapFS{manifestFile: {Data: []byte(`{"hisock": 1}`)}}, ` "calls.js", "calls.js.gz"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Check(tc.fsys)
			var fault *BundleError
			require.ErrorAs(t, err, &fault)
			require.Contains(t, err.Error(), tc.want)
			require.False(t, strings.Contains(err.Error(), "\n"))
		})
	}
}

// A browser asks for the rest of a download that broke off, in the form that it had. It is sent the whole file if the file has
// changed meanwhile.
func TestHandlerSendsTheRest(t *testing.T) {
	h := newHandler(t)
	files := contents(t, bundleDir(t))
	for coding, name := range map[string]string{"identity": wasmFile, "gzip": wasmFile + gzipSuffix} {
		ask := func(header ...string) *httptest.ResponseRecorder {
			return ask(h, http.MethodGet, "/hisock.wasm", append(header, "Accept-Encoding", coding)...)
		}
		begun := ask()
		etag, want := begun.Header().Get("ETag"), begun.Header().Get("Content-Encoding")
		rest := ask("Range", "bytes=1000-", "If-Range", etag)
		require.Equal(t, http.StatusPartialContent, rest.Code, coding)
		require.Equal(t, []string{etag, want}, []string{rest.Header().Get("ETag"), rest.Header().Get("Content-Encoding")})
		require.True(t, files[name][1000:] == rest.Body.String(), coding)
		require.Equal(t, strconv.Itoa(rest.Body.Len()), rest.Header().Get("Content-Length"))

		several := ask("Range", "bytes=0-9,1000-1009", "If-Range", etag)
		require.Empty(t, several.Header().Get("Content-Encoding"), coding)
		whole := ask("Range", "bytes=1000-", "If-Range", `"of another build"`)
		require.Equal(t, http.StatusOK, whole.Code, coding)
		require.True(t, files[name] == whole.Body.String(), coding)
	}
	packed := ask(h, http.MethodGet, "/hisock.wasm", "Accept-Encoding", "gzip").Header().Get("ETag")
	refused := ask(h, http.MethodGet, "/hisock.wasm", "Range", "bytes=1000-", "If-Range", packed)
	require.Equal(t, http.StatusOK, refused.Code, "a client that does not take the form")
	require.Empty(t, refused.Header().Get("Content-Encoding"))
}
