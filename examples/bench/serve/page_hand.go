package serve

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/gorilla/websocket"
)

// pageEnd is between several messages of one write. Texts do not have it.
const pageEnd = 0x1e

// maxGathered is the size from which gathered messages are written, in bytes.
const maxGathered = 16 << 10

// startPageHand starts a server written by hand over gorilla/websocket. A message is a name, a number and a text, with spaces between.
// For pages of /gathered, the answers to the messages of one frame are one write, and so are texts up to maxGathered. For others each message is
// a write.
func startPageHand() (string, error) {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	var got taken
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		p := handPage{c: c, taken: &got, gathers: r.URL.Path == "/gathered"}
		for {
			_, frame, err := c.ReadMessage()
			if err != nil {
				return
			}
			for message := range bytes.SplitSeq(frame, []byte{pageEnd}) {
				if p.handle(message) != nil {
					return
				}
			}
			if p.flush() != nil {
				return
			}
		}
	}))
}

type handPage struct {
	c       *websocket.Conn
	taken   *taken
	gathers bool
	out     []byte
}

func (p *handPage) handle(message []byte) error {
	name, rest, _ := bytes.Cut(message, []byte(" "))
	id, text, _ := bytes.Cut(rest, []byte(" "))
	switch string(name) {
	case "echo":
		return p.write("answer", id, text)
	case "texts":
		n, err := strconv.Atoi(string(text))
		if err != nil {
			return err
		}
		for range n {
			if err := p.write("text", id, []byte(pageText)); err != nil {
				return err
			}
		}
	case "take":
		p.taken.add()
	case "taken":
		return p.write("answer", id, strconv.AppendInt(nil, p.taken.tell(), 10))
	}
	return nil
}

func (p *handPage) write(name string, id, text []byte) error {
	if len(p.out) > 0 {
		p.out = append(p.out, pageEnd)
	}
	p.out = append(append(p.out, name...), ' ')
	p.out = append(append(p.out, id...), ' ')
	p.out = append(p.out, text...)
	if p.gathers && len(p.out) < maxGathered {
		return nil
	}
	return p.flush()
}

func (p *handPage) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	err := p.c.WriteMessage(websocket.TextMessage, p.out)
	p.out = p.out[:0]
	return err
}
