//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package serve

import (
	"bytes"
	"context"
	"net/http"

	"nhooyr.io/websocket"
)

// nhooyr.io/websocket without compression, which is its default. A message is read into a buffer
// that is used again. For connections that are sent messages from others a goroutine writes
// the messages of a channel.
func startNhooyr() (string, error) {
	return serveHTTP(&nhooyr{})
}

type nhooyr struct{ groups groups[chan []byte] }

func (s *nhooyr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	job := parseJob(r.URL.Path)
	if job.group != "" {
		queue := make(chan []byte, queueLen)
		s.groups.join(job.group, queue)
		defer s.groups.leave(job.group, queue)
		go func() {
			for {
				select {
				case m := <-queue:
					if c.Write(ctx, websocket.MessageBinary, m) != nil {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	if c.Write(ctx, websocket.MessageBinary, ready) != nil {
		return
	}
	var message bytes.Buffer
	for {
		_, from, err := c.Reader(ctx)
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(from); err != nil {
			return
		}
		if job.echo {
			if c.Write(ctx, websocket.MessageBinary, message.Bytes()) != nil {
				return
			}
			continue
		}
		kept := clone(message.Bytes())
		for _, queue := range s.groups.of(kept) {
			queue <- kept
		}
	}
}
