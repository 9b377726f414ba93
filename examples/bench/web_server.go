package main

import (
	"io/fs"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
)

// gzSuffix is the end of the name of a gzipped file.
const gzSuffix = ".gz"

// servePages serves the pages in a folder, gzipped, until the listener that it returns is closed.
func servePages(dir string) (net.Listener, error) {
	files, err := readPages(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go http.Serve(l, files)
	return l, nil
}

// pageFiles are gzipped files, by the path of a request.
type pageFiles map[string][]byte

// readPages reads all gzipped files.
func readPages(fsys fs.FS) (pageFiles, error) {
	files := make(pageFiles)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, gzSuffix) {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		files["/"+strings.TrimSuffix(name, gzSuffix)] = content
		return err
	})
	return files, err
}

func (f pageFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	if strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	content, ok := f[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(content)
}

func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".mjs", ".js":
		return "text/javascript; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	default:
		return mime.TypeByExtension(ext)
	}
}
