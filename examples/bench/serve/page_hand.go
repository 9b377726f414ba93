package serve

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// pageEnd is between several messages of one frame. Texts do not have it.
const pageEnd = 0x1e

// maxGathered is the size from which gathered messages are a frame, in bytes.
const maxGathered = 16 << 10

// startPageHand starts a server written by hand over gobwas/ws. A message is a name, a number and a text, with spaces between. The frames of the
// answers are gathered until there is nothing left to read, as startGobwas does. For pages of /gathered, the answers to the messages of one frame
// are one frame, and so are texts up to maxGathered. For others each message is a frame.
func startPageHand() (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	var got taken
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				serveHandPage(nc, &got)
				nc.Close()
			}()
		}
	}()
	return l.Addr().String(), nil
}

func serveHandPage(nc net.Conn, got *taken) error {
	p := handPage{w: bufio.NewWriterSize(nc, gobwasBuffer), taken: got}
	up := ws.Upgrader{OnRequest: func(uri []byte) error {
		p.gathers = string(uri) == "/gathered"
		return nil
	}}
	if _, err := up.Upgrade(nc); err != nil {
		return err
	}
	r := bufio.NewReaderSize(nc, gobwasBuffer)
	for {
		frame, _, err := wsutil.ReadClientData(struct {
			io.Reader
			io.Writer
		}{r, nc})
		if err != nil {
			return err
		}
		for message := range bytes.SplitSeq(frame, []byte{pageEnd}) {
			if err := p.handle(message); err != nil {
				return err
			}
		}
		if err := p.frame(); err != nil {
			return err
		}
		if r.Buffered() == 0 {
			if err := p.w.Flush(); err != nil {
				return err
			}
		}
	}
}

type handPage struct {
	w       *bufio.Writer
	taken   *taken
	gathers bool
	out     []byte // messages of the next frame
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
	return p.frame()
}

// frame writes a frame with the messages that have no frame yet.
func (p *handPage) frame() error {
	if len(p.out) == 0 {
		return nil
	}
	err := ws.WriteFrame(p.w, ws.NewTextFrame(p.out))
	p.out = p.out[:0]
	return err
}
