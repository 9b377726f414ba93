package serve

import (
	"bufio"
	"io"
	"net"

	"github.com/gobwas/ws"
)

// gobwas/ws has frames and handshakes and leaves the rest to the program. This program does the same as
// the floor: replies are gathered until there is nothing left to read, and an outbox takes
// messages from other connections. So it shows the cost of a WebSocket server written by hand.
func startGobwas() (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	s := &gobwas{}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				s.serve(nc)
				nc.Close()
			}()
		}
	}()
	return l.Addr().String(), nil
}

type gobwas struct{ groups groups[*outbox] }

// There is one of each for each connection.
const gobwasBuffer = 16 << 10

func (s *gobwas) serve(nc net.Conn) error {
	var job job
	up := ws.Upgrader{OnRequest: func(uri []byte) error {
		job = parseJob(string(uri))
		return nil
	}}
	if _, err := up.Upgrade(nc); err != nil {
		return err
	}
	if job.group != "" {
		box := newOutbox(nc, writeAll)
		defer box.close()
		s.groups.join(job.group, box)
		defer s.groups.leave(job.group, box)
		hello, err := ws.CompileFrame(ws.NewBinaryFrame(ready))
		if err != nil {
			return err
		}
		box.put(hello)
	} else if err := ws.WriteFrame(nc, ws.NewBinaryFrame(ready)); err != nil {
		return err
	}
	r := &gobwasReader{r: bufio.NewReaderSize(nc, gobwasBuffer)}
	if job.echo {
		return s.echo(nc, r)
	}
	for {
		message, err := r.next()
		if err != nil {
			return err
		}
		frame, err := ws.CompileFrame(ws.NewBinaryFrame(message))
		if err != nil {
			return err
		}
		for _, box := range s.groups.of(message) {
			box.put(frame)
		}
	}
}

func (s *gobwas) echo(nc net.Conn, r *gobwasReader) error {
	w := bufio.NewWriterSize(nc, gobwasBuffer)
	header := make([]byte, ws.MaxHeaderSize)
	for {
		message, err := r.next()
		if err != nil {
			return err
		}
		h := ws.Header{Fin: true, OpCode: ws.OpBinary, Length: int64(len(message))}
		if err := ws.WriteHeaderBuffer(w, h, header); err != nil {
			return err
		}
		w.Write(message) // Flush returns the error
		if r.r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

type gobwasReader struct {
	r       *bufio.Reader
	header  [ws.MaxHeaderSize]byte
	message []byte
}

// next returns the next message, which is valid until the next call. The load sends no control
// frames, and each message in one frame.
func (g *gobwasReader) next() ([]byte, error) {
	h, err := ws.ReadHeaderBuffer(g.r, g.header[:])
	if err != nil {
		return nil, err
	}
	if err := ws.CheckHeader(h, ws.StateServerSide); err != nil {
		return nil, err
	}
	if h.OpCode != ws.OpBinary || !h.Fin || h.Length > maxMessage {
		return nil, io.ErrUnexpectedEOF
	}
	if cap(g.message) < int(h.Length) {
		g.message = make([]byte, h.Length)
	}
	g.message = g.message[:h.Length]
	if _, err := io.ReadFull(g.r, g.message); err != nil {
		return nil, err
	}
	ws.Cipher(g.message, h.Mask, 0)
	return g.message, nil
}
