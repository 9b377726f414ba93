package app

import (
	"embed"
	"io"
	"net/http"

	"github.com/hisock/hisock/core"
)

//go:embed page
var page embed.FS

// policy is the content security policy of the page. The page may load files of this server, compile WebAssembly and
// open a WebSocket to this server. Scripts and styles inside a document do not run.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// newPages serves the page at /, the bundle below /hisock/, the WebSocket at /ws, the playground at and below /playground,
// and a health check at /healthz.
func newPages(bundle, socket, playground, health http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", file("index.html"))
	for _, name := range []string{
		"chat.css", "icon.svg",
		"chat.js", "colours.js", "log.js", "reading.js", "session.js", "typing.js", "view.js", "words.js",
	} {
		mux.HandleFunc("GET /"+name, file(name))
	}
	mux.Handle("/hisock/", http.StripPrefix("/hisock/", bundle))
	mux.Handle("/ws", socket)
	mux.Handle("GET /healthz", health)
	mux.Handle("/playground", playground)
	mux.Handle("/playground/", playground)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// file serves one file of the page. Browsers ask for the file each time, because it is small and
// may be different in the next version of the program.
func file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, page, "page/"+name)
	}
}

// health answers 503 while the server is cut off from the other nodes of its cluster, and 200 otherwise. A server that is cut off serves
// its clients, and lets nobody in.
func health(srv *core.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if srv.Cluster().Err() != nil {
			http.Error(w, "cut off from the other nodes", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n") //nolint:errcheck // the client has gone
	})
}
