package web

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Handler returns a handler that serves the bundle in fsys, such as os.DirFS("bundle").
// It fails as [Check] does if the bundle is incomplete.
//
// Handler reads the bundle once: later changes of the folder have no effect, and
// no request can reach other files. The handler takes the path of a request for the name of a file, so
// strip the prefix under which it is mounted. Clients that accept Brotli or gzip are sent compressed
// files, if the bundle has them. Browsers ask for a file each time they use it (Cache-Control: no-cache), and are not sent it again
// if it has not changed (ETag). The handler is safe for concurrent use.
func Handler(fsys fs.FS) (http.Handler, error) {
	m, files, err := load(fsys)
	if err != nil {
		return nil, err
	}
	h := bundleHandler{}
	for _, name := range bundleNames() {
		h[name] = &served{
			contentType: contentType(name),
			plain:       encodingOf(files[name], m.Files[name], ""),
			packed:      []*encoding{encodingOf(files[name+gzipSuffix], m.Files[name+gzipSuffix], "gzip")},
		}
		if f, listed := m.Files[name+brotliSuffix]; listed {
			h[name].packed = append(h[name].packed, encodingOf(files[name+brotliSuffix], f, "br"))
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	plain := encodingOf(text, describe(text), "")
	h[manifestFile] = &served{contentType: contentType(manifestFile), plain: plain}
	return h, nil
}

// A bundleHandler has the files of a bundle by name. It does not change.
type bundleHandler map[string]*served

type served struct {
	contentType string
	plain       *encoding
	packed      []*encoding // the smallest last
}

// An encoding is one form in which a file can be sent.
type encoding struct {
	content []byte
	name    string // value of Content-Encoding; empty for the file itself
	etag    string
}

func encodingOf(content []byte, f File, name string) *encoding {
	return &encoding{content: content, name: name, etag: `"` + f.SHA256 + `"`}
}

// ServeHTTP answers GET and HEAD for the files of the bundle.
func (h bundleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	f := h[strings.TrimPrefix(r.URL.Path, "/")]
	if f == nil {
		http.Error(w, "no such file in the bundle", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	e := f.plain
	if f.packed != nil {
		header.Set("Vary", "Accept-Encoding")
		if asksForPart(r) {
			e = f.begun(r)
		} else {
			e = f.choose(r.Header.Values("Accept-Encoding"))
		}
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", e.etag)
	if e.name != "" {
		header.Set("Content-Encoding", e.name)
		// ServeContent does not set the length if there is a Content-Encoding.
		header.Set("Content-Length", strconv.Itoa(len(e.content)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(e.content))
}

// asksForPart reports whether a request may be answered with a part of a file.
func asksForPart(r *http.Request) bool {
	return r.Header.Get("Range") != "" || r.Header.Get("If-Match") != ""
}

// begun returns the form of which a request asks for a part: the file itself, or the compressed form that the request names. A browser
// does so if a download of that form has broken off. If the request names neither, the file has changed, and all of it is sent.
func (f *served) begun(r *http.Request) *encoding {
	had, accept := r.Header.Get("If-Range"), r.Header.Values("Accept-Encoding")
	if had == "" || had == f.plain.etag || strings.Contains(r.Header.Get("Range"), ",") { // several parts are not compressed as a whole
		return f.plain
	}
	for _, e := range f.packed {
		if e.etag == had && weightOf(e.name, accept) > 0 {
			return e
		}
	}
	return f.choose(accept)
}

// choose returns the form to which a client gives the greatest weight above 0, and of these the smallest.
func (f *served) choose(accept []string) *encoding {
	best, most := f.plain, 0.0
	for _, e := range f.packed {
		if w := weightOf(e.name, accept); w > 0 && w >= most {
			best, most = e, w
		}
	}
	return best
}

// weightOf returns the weight that a client gives to a coding: by its name, or else by *.
func weightOf(coding string, accept []string) float64 {
	named, star := -1.0, -1.0
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			switch name = strings.ToLower(strings.TrimSpace(name)); {
			case strings.TrimPrefix(name, "x-") == coding:
				named = max(named, weight(params))
			case name == "*":
				star = max(star, weight(params))
			}
		}
	}
	if named >= 0 {
		return named
	}
	return star
}

// weight returns the q of a coding's parameters: 1 if there is none, 0 if it is malformed.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(p), "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
