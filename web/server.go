package web

import (
	"bytes"
	"log"
	"net/http"
	"sync"
	"time"
)

// NewServer returns an HTTP server for pages, bundles and WebSockets with timeouts for its
// clients: 5 s for the header of a request, 10 s for the whole request, two minutes for
// the answer, and 15 s between two requests. Without timeouts a client that opens connections and says nothing could
// hold file descriptors for ever, and a process has a limited number of them. A header has
// 16 KiB at most.
//
// Failures of its clients, such as a TLS handshake that failed, go to the standard log: at most
// 50 lines at once and one a second, with the number of lines that were left out.
//
// A nil handler means [http.DefaultServeMux]. The fields of the server may be changed before it
// serves. The timeouts do not hold for a WebSocket after its handshake.
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

// A thinLog writes lines to the standard log, at most at a certain rate.
type thinLog struct {
	mu      sync.Mutex // guards the fields below
	last    time.Time  // time for which left was computed; zero before the first line
	left    int        // lines that may be written at once
	leftOut int        // lines that were left out since the last written line
}

const (
	logBurst = 50
	logEvery = time.Second
)

// Write implements [io.Writer]. line is one line.
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
