package coretest

import (
	"errors"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// ReadHello reads the preface and the hello of a client.
func (p *Peer) ReadHello() (*wire.Hello, error) {
	for len(p.In) < len(wire.Preface) {
		if err := p.Read(); err != nil {
			return nil, err
		}
	}
	if string(p.In[:len(wire.Preface)]) != wire.Preface {
		return nil, errors.New("a client that does not begin with the preface")
	}
	p.In = p.In[len(wire.Preface):]
	f, err := p.Frame(0)
	switch {
	case err != nil:
		return nil, err
	case f.Kind != wire.KindHello:
		return nil, errors.New("a client that begins with a " + f.Kind.String() + " frame")
	}
	return wire.ParseHello(f.Body, nil)
}

// Answer reads a client's hello and welcomes it.
func (p *Peer) Answer(welcome *wire.Welcome) (*wire.Hello, error) {
	h, err := p.ReadHello()
	if err == nil {
		_, err = p.Stream.Write(wire.AppendWelcome(nil, welcome))
	}
	return h, err
}

// ReadGoodbye reads up to a goodbye.
func (p *Peer) ReadGoodbye() (wire.Goodbye, error) {
	for {
		f, err := p.Frame(0)
		if err != nil {
			return wire.Goodbye{}, err
		}
		if f.Kind == wire.KindGoodbye {
			return wire.ParseGoodbye(f.Body)
		}
	}
}

// Welcome returns a welcome like the welcome of a real server.
func Welcome() []byte {
	return wire.AppendWelcome(nil, &wire.Welcome{Name: "ada", MaxFrame: 1 << 20, Heartbeat: 15 * time.Second, Notices: true})
}

// Says returns a script for a server that sends bytes and waits until the client has closed.
func Says(parts ...[]byte) func(p *Peer) error {
	return func(p *Peer) error {
		for _, b := range parts {
			if _, err := p.Stream.Write(b); err != nil {
				return err
			}
		}
		return p.Drain()
	}
}

// SaysAndLeaves returns a script for a server that sends bytes and closes its direction in order.
func SaysAndLeaves(parts ...[]byte) func(p *Peer) error {
	return func(p *Peer) error {
		for _, b := range parts {
			if _, err := p.Stream.Write(b); err != nil {
				return err
			}
		}
		return p.Stream.CloseWrite()
	}
}
