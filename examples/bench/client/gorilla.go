package client

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// gorilla/websocket used by hand. A single caller writes and reads itself. Several callers write under a lock,
// each with its number in front of the message, and a goroutine passes the answers to them.
type gorillaClient struct {
	c     *websocket.Conn
	mu    sync.Mutex // for writing
	turns []chan error
}

func openGorilla(addr string, callers int) (Client, error) {
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/echo", nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := c.ReadMessage(); err != nil { // the server's "ready"
		return nil, err
	}
	g := &gorillaClient{c: c}
	if callers > 1 {
		for range callers {
			g.turns = append(g.turns, make(chan error, 1))
		}
		go g.handOut()
	}
	return g, nil
}

func (g *gorillaClient) handOut() {
	for {
		_, m, err := g.c.ReadMessage()
		if err != nil {
			for _, turn := range g.turns {
				turn <- err
			}
			return
		}
		g.turns[binary.BigEndian.Uint16(m)] <- nil
	}
}

func (g *gorillaClient) Call(id int, message []byte) error {
	if g.turns == nil {
		if err := g.c.WriteMessage(websocket.BinaryMessage, message); err != nil {
			return err
		}
		_, m, err := g.c.ReadMessage()
		if err == nil && len(m) != len(message) {
			err = fmt.Errorf("an answer of %d bytes", len(m))
		}
		return err
	}
	binary.BigEndian.PutUint16(message, uint16(id))
	g.mu.Lock()
	err := g.c.WriteMessage(websocket.BinaryMessage, message)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	return <-g.turns[id]
}

func (g *gorillaClient) Echo(message []byte, window int, count *atomic.Uint64, stop func() bool) error {
	for range window {
		if err := g.c.WriteMessage(websocket.BinaryMessage, message); err != nil {
			return err
		}
	}
	for flying := window; flying > 0; {
		_, m, err := g.c.ReadMessage()
		if err != nil {
			return err
		}
		count.Add(1)
		if stop() {
			flying--
			continue
		}
		if err := g.c.WriteMessage(websocket.BinaryMessage, m); err != nil {
			return err
		}
	}
	return nil
}

func (g *gorillaClient) Close() error { return g.c.Close() }
