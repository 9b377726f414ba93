package web

import (
	"bytes"
	"log"
	"net/http"
	"sync"
	"time"
)

// NewServer returns an HTTP server for pages, bundles and WebSockets which gives nobody
// more time than it takes: 5 s for the header of a request, 10 s for all of it, two minutes to take
// the answer, and 15 s between two requests. Who opens connections and says nothing would otherwise
// hold their descriptors for as long as it likes, of which the process has so many. A header has
// 16 KiB at most.
//
// What it has to say about its clients, such as a TLS handshake that failed, goes to the standard log:
// 50 lines at once and one a second, with how many were left out, whatever clients do.
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
		ErrorLog:          log.New(&thinLog{}, "", 0),
	}
}

// A thinLog passes on to the standard log what fits a rate.
type thinLog struct {
	mu      sync.Mutex
	last    time.Time // when left was reckoned
	left    int       // lines that may be written at once
	leftOut int       // lines that were not written since
}

const (
	logBurst = 50
	logEvery = time.Second
)

// Write implements io.Writer for a line.
func (t *thinLog) Write(line []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.last.IsZero() {
		t.left, t.last = logBurst, now
	}
	gained := int64(now.Sub(t.last) / logEvery)
	t.left = int(min(int64(t.left)+gained, logBurst))
	t.last = t.last.Add(time.Duration(gained) * logEvery)
	if t.left == 0 {
		t.leftOut++
		return len(line), nil
	}
	t.left--
	text := bytes.TrimSuffix(line, []byte("\n"))
	if t.leftOut > 0 {
		log.Printf("%s (%d lines left out before)", text, t.leftOut)
		t.leftOut = 0
	} else {
		log.Printf("%s", text)
	}
	return len(line), nil
}
