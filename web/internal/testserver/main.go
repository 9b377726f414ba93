//go:build !js

// Command testserver is the server of the browser tests. It serves the bundle
// in the folder of its argument, prints its addresses as one line of JSON, and says goodbye and ends
// when its standard input ends. With "auth" as second argument it lets in only clients with a token, once for each token. With
// "large" it takes frames of 8 MiB. With "compress" it agrees to compression.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/hisock/hisock/web"
	"github.com/hisock/hisock/ws"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 1 && (len(args) != 2 || args[1] != "auth" && args[1] != "large" && args[1] != "compress") {
		return fmt.Errorf("usage: testserver BUNDLE [auth|large|compress]")
	}
	bundle, err := web.Handler(os.DirFS(args[0]))
	if err != nil {
		return err
	}
	srv := newServer(args[1:])
	var opts ws.Options
	if len(args) > 1 && args[1] == "compress" {
		opts.Compression = &ws.Compression{}
	}
	sockets, err := ws.NewListener(&opts)
	if err != nil {
		return err
	}
	own, err := serve(pages(bundle, sockets))
	if err != nil {
		return err
	}
	defer own.Close()
	// A page of one server has a foreign origin for the other server.
	foreign, err := serve(pages(bundle, nil))
	if err != nil {
		return err
	}
	defer foreign.Close()

	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), sockets) }()

	err = json.NewEncoder(stdout).Encode(map[string]string{
		"own":     "http://" + own.Addr,
		"foreign": "http://" + foreign.Addr,
		"ws":      "ws://" + own.Addr + "/ws",
	})
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(stdin).WriteTo(io.Discard); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	return <-served
}

// serve serves h on a free port of the loopback address.
func serve(h http.Handler) (*http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Addr: l.Addr().String(), Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) //nolint:errcheck // it ends with the program, by Close
	return s, nil
}

// pages returns a handler of an empty page, of the bundle in several states, intact and broken, and of the sockets.
func pages(bundle http.Handler, sockets http.Handler) http.Handler {
	mux := http.NewServeMux()
	const empty = "<!doctype html><meta charset=utf-8><title>test</title>"
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, empty) //nolint:errcheck // the browser has gone
	})
	mux.HandleFunc("GET /strict", func(w http.ResponseWriter, r *http.Request) {
		engine, also := "js", ""
		if r.URL.RawQuery == "wasm" {
			engine, also = "wasm", " 'wasm-unsafe-eval'"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'"+also+"; connect-src 'self'")
		io.WriteString(w, empty+`<script type="module" src="/strict.js?`+engine+`"></script>`) //nolint:errcheck
	})
	mux.HandleFunc("GET /strict.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		io.WriteString(w, strictScript) //nolint:errcheck
	})
	mux.Handle("/hisock/", http.StripPrefix("/hisock", bundle))
	mux.Handle("/untyped/", http.StripPrefix("/untyped", untyped(bundle)))
	mux.HandleFunc("GET /broken/hisock.wasm", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "gone", http.StatusGone)
	})
	mux.Handle("/broken/", http.StripPrefix("/broken", bundle))
	if sockets != nil {
		mux.Handle("/ws", sockets)
	}
	return mux
}

// strictScript connects in a page that allows only scripts from the server.
const strictScript = `
import { connect } from "/hisock/hisock.js";
connect("/ws", { engine: new URL(import.meta.url).search.slice(1) }).then(
	async (client) => { document.title = await client.call("greet", "strict", { as: "text" }); },
	(err) => { document.title = "failed: " + err.message; },
);
`

// untyped serves the bundle as a server that does not know the type of .wasm files.
func untyped(bundle http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bundle.ServeHTTP(&untypedWriter{ResponseWriter: w}, r)
	})
}

type untypedWriter struct{ http.ResponseWriter }

func (w *untypedWriter) WriteHeader(code int) {
	if w.Header().Get("Content-Type") == "application/wasm" {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	w.ResponseWriter.WriteHeader(code)
}
