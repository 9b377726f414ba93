package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestPagesAreServedGzipped(t *testing.T) {
	packed := func(text string) *fstest.MapFile {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		require.NoError(t, w.Close())
		return &fstest.MapFile{Data: b.Bytes()}
	}
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
