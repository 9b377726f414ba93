//go:build js

package ws

import (
	"context"
	"errors"
	"strconv"
	"syscall/js"

	"github.com/hisock/hisock/transport"
)

// DialOptions are the options of [Dialer] in a browser build. A browser lets a program choose neither TLS nor
// headers, so a browser build does not have the fields of other builds.
type DialOptions struct {
	// QueueBytes is how many bytes that have arrived may wait to be read. A browser
	// cannot make the peer wait: if more arrive, the connection is closed. Then Read returns the bytes that have
	// arrived, and fails with [ErrQueueFull] after them. Zero means 4 MiB.
	// Negative means no bound.
	QueueBytes int

	// UnsentBytes is how many bytes the browser may hold that it has not sent. If it holds more, a write waits. Zero means
	// 128 KiB.
	UnsentBytes int
}

// Dialer returns a dialer to url, "ws://host[:port]/path" or "wss://…", through the
// browser's WebSocket. Browsers do not accept a zone in an IPv6 address. Nil options mean the defaults. The browser
// compresses messages if the server agrees to it.
//
// Dial fails with a [*URLError] if the URL is invalid. Browsers do not say why a connection could not be
// made.
func Dialer(url string, opts *DialOptions) transport.Dialer {
	d := &dialer{url: url, queueBytes: 4 << 20, maxUnsent: maxBuffered}
	if opts != nil && opts.QueueBytes != 0 {
		d.queueBytes = opts.QueueBytes
	}
	if opts != nil && opts.UnsentBytes > 0 {
		d.maxUnsent = opts.UnsentBytes
	}
	return d
}

type dialer struct {
	url        string
	queueBytes int
	maxUnsent  int
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	t, err := parseURL(d.url)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, d.failed(context.Cause(ctx))
	}
	constructor := js.Global().Get("WebSocket")
	if constructor.Type() != js.TypeFunction {
		return nil, d.failed(errors.New("there is no WebSocket here"))
	}
	var socket js.Value
	if err := try(func() { socket = constructor.New(d.url) }); err != nil {
		return nil, d.failed(err)
	}
	c := newConn(socket, t, d.queueBytes, d.maxUnsent)
	select {
	case <-c.opened:
		return c, nil
	case <-c.ended:
		err = errors.New("no connection, close code " + strconv.Itoa(c.peerClose.Code))
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.Close()
	return nil, d.failed(err)
}

func (d *dialer) failed(err error) error {
	return &opError{"dial " + quote(d.url), err}
}

// try calls f, which calls into JavaScript, and returns the exception that it throws.
func try(f func()) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = thrown
		default:
			panic(thrown)
		}
	}()
	f()
	return nil
}
