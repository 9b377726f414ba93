package serve

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// gorilla/websocket as in its examples: one goroutine reads, and for connections that are sent messages from
// others, another goroutine writes the messages of a channel. A broadcast is prepared once. Each connection has
// its own buffers, because pooled write buffers save memory and not time.
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
	// Before the other goroutine begins, because only one goroutine may write at a time.
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

// writeGorilla writes the messages of queue until done is closed.
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
