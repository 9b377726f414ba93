package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// hand is a hand-written client of the floor: blocking reads into one buffer.
type hand struct{ nc net.Conn }

func openHand(addr string) (client, error) {
	nc, err := net.Dial("tcp", addr)
	return &hand{nc}, err
}

// ask tells the server the role of the connection, and reads that the server is ready.
func (h *hand) ask(role string, r *bufio.Reader) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(role)))
	if _, err := h.nc.Write(append(b, role...)); err != nil {
		return err
	}
	_, err := r.Discard(4 + len("ready"))
	return err
}

func (h *hand) items(ctx context.Context, size int, got func([]byte) error) error {
	stop := context.AfterFunc(ctx, func() { h.nc.SetDeadline(time.Now()) })
	defer stop()
	r := bufio.NewReaderSize(h.nc, max(64<<10, 2*(4+size)))
	if err := h.ask(fmt.Sprint("items/", size), r); err != nil {
		return err
	}
	for {
		b, err := r.Peek(4 + size)
		if err != nil {
			return err
		}
		if n := binary.BigEndian.Uint32(b); n != uint32(size) {
			return fmt.Errorf("an item of %d bytes", n)
		}
		if err := got(b[4:]); err != nil {
			return err
		}
		if _, err := r.Discard(4 + size); err != nil {
			return err
		}
	}
}

func (h *hand) bytes(_ context.Context, n int64, w io.Writer) error {
	r := bufio.NewReaderSize(h.nc, 64<<10)
	if err := h.ask(fmt.Sprint("bytes/", n), r); err != nil {
		return err
	}
	_, err := io.CopyN(w, r, n)
	return err
}

func (h *hand) close() error { return h.nc.Close() }
