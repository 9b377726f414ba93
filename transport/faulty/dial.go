package faulty

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
)

// Dialer returns a dialer that dials with d. Connection number n, from zero on, gets the script
// scripts(n). Several goroutines may call scripts at once.
func Dialer(d transport.Dialer, scripts func(n int) Script) transport.Dialer {
	return &dialer{dialer: d, scripts: scripts}
}

type dialer struct {
	dialer  transport.Dialer
	scripts func(n int) Script
	made    atomic.Int64
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	stream, err := d.dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return Wrap(stream, d.scripts(int(d.made.Add(1)-1))), nil
}

// Listener returns a listener that accepts from l. Connection number n, from zero on, gets the script
// scripts(n). Several goroutines may call scripts at once.
func Listener(l transport.Listener, scripts func(n int) Script) transport.Listener {
	return &listener{Listener: l, scripts: scripts}
}

type listener struct {
	transport.Listener
	scripts  func(n int) Script
	accepted atomic.Int64
}

func (l *listener) Accept() (transport.Conn, error) {
	stream, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Wrap(stream, l.scripts(int(l.accepted.Add(1)-1))), nil
}
