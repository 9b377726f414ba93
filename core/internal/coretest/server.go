package coretest

import (
	"errors"
	"io"
	"time"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// ReadHello reads what a client opens with, and nothing behind it.
func ReadHello(stream transport.Conn) error {
	if err := stream.SetReadDeadline(time.Now().Add(transporttest.Patience)); err != nil {
		return err
	}
	var in []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buf)
		in = append(in, buf[:n]...)
		if len(in) >= len(wire.Preface) {
			f, _, ok, err := wire.Next(in[len(wire.Preface):], 0)
			switch {
			case err != nil:
				return err
			case ok && f.Kind == wire.KindHello:
				return nil
			case ok:
				return errors.New("a client that does not begin with a hello")
			}
		}
		if err != nil {
			return err
		}
	}
}

// Says is a script that sends bytes and waits until the client has closed.
func Says(parts ...[]byte) func(stream transport.Conn) error {
	return func(stream transport.Conn) error {
		for _, b := range parts {
			if _, err := stream.Write(b); err != nil {
				return err
			}
		}
		_, err := io.Copy(io.Discard, OnlyReader{stream})
		return err
	}
}

// OnlyReader hides all but Read, so that io.Copy reads in pieces.
type OnlyReader struct{ io.Reader }

// SaysAndLeaves is a script that sends bytes and closes its direction, in order.
func SaysAndLeaves(parts ...[]byte) func(stream transport.Conn) error {
	return func(stream transport.Conn) error {
		for _, b := range parts {
			if _, err := stream.Write(b); err != nil {
				return err
			}
		}
		return stream.CloseWrite()
	}
}

// Welcome is a welcome such as servers send.
func Welcome() []byte {
	return wire.AppendWelcome(nil, &wire.Welcome{Name: "ada", MaxFrame: 1 << 20, Heartbeat: 15 * time.Second, Notices: true})
}

// ReadGoodbye reads up to the client's goodbye.
func ReadGoodbye(stream transport.Conn) (bye wire.Goodbye, err error) {
	var in []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buf)
		in = append(in, buf[:n]...)
		for {
			f, size, ok, err := wire.Next(in, 0)
			if err != nil {
				return bye, err
			}
			if !ok {
				break
			}
			if f.Kind == wire.KindGoodbye {
				return wire.ParseGoodbye(f.Body)
			}
			in = in[size:]
		}
		if err != nil {
			return bye, err
		}
	}
}
