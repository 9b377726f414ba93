package web

import (
	"net/http"
	"time"
)

// NewServer returns an HTTP server for pages, bundles and WebSockets which gives nobody
// more time than it takes: 5 s for the header of a request, 10 s for all of it, two minutes to take
// the answer, and 15 s between two requests. Who opens connections and says nothing would otherwise
// hold their descriptors for as long as it likes, of which the process has so many. A header has
// 16 KiB at most.
//
// A nil handler means [http.DefaultServeMux]. The fields of the server may be changed before it
// serves. A WebSocket is its business no longer once it is made.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // for the bundle, over a slow network
		IdleTimeout:       15 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}
