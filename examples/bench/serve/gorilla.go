package serve

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// gorilla/websocket as its examples have it: one goroutine reads, and for those who are sent to by
// others another one writes what a channel hands it. A broadcast is prepared once. Each connection has
// buffers of its own: pooled ones for writing save memory, not time.
func startGorilla() (string, error) {
	s := &gorilla{up: websocket.Upgrader{ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10}}
	return serveHTTP(s)
}

type gorilla struct {
	up     websocket.Upgrader
	groups groups[chan *websocket.PreparedMessage]
}

func (s *gorilla) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	job := parseJob(r.URL.Path)
	var queue chan *websocket.PreparedMessage
	if job.group != "" {
		queue = make(chan *websocket.PreparedMessage, queueLen)
		s.groups.join(job.group, queue)
		defer s.groups.leave(job.group, queue)
	}
	// Before the other goroutine begins: one may write at a time.
	if c.WriteMessage(websocket.BinaryMessage, ready) != nil {
		return
	}
	if queue != nil {
		done := make(chan struct{})
		defer close(done)
		go writeGorilla(c, queue, done)
	}
	for {
		_, message, err := c.ReadMessage()
		if err != nil {
			return
		}
		if job.echo {
			if c.WriteMessage(websocket.BinaryMessage, message) != nil {
				return
			}
			continue
		}
		m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, message)
		if err != nil {
			return
		}
		for _, queue := range s.groups.of(message) {
			queue <- m
		}
	}
}

// writeGorilla writes what comes in queue, until done is closed.
func writeGorilla(c *websocket.Conn, queue <-chan *websocket.PreparedMessage, done <-chan struct{}) {
	for {
		select {
		case m := <-queue:
			if c.WritePreparedMessage(m) != nil {
				c.Close()
				return
			}
		case <-done:
			return
		}
	}
}
