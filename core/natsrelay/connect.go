package natsrelay

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// attempt connects, and waits until the first attempt has succeeded or failed. If it failed the connection goes on trying, unless that cannot help: then, and if
// payloads of payload bytes are too large for the server, or ctx ends, attempt closes it and returns the error.
func attempt(ctx context.Context, opts nats.Options, payload int) (*nats.Conn, error) {
	opts.RetryOnFailedConnect = true
	first := make(chan error, 1)
	became := func(err error) {
		select {
		case first <- err:
		default:
		}
	}
	connected, closed := opts.ConnectedCB, opts.ClosedCB
	opts.ReconnectErrCB = func(_ *nats.Conn, err error) { became(err) }
	opts.ConnectedCB = func(c *nats.Conn) {
		became(nil)
		if connected != nil {
			connected(c)
		}
	}
	opts.ClosedCB = func(c *nats.Conn) {
		became(c.LastError())
		closed(c)
	}
	conn, err := dial(ctx, opts)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-first:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if most := conn.MaxPayload(); err == nil && most < int64(payload) {
		err = tooSmall(most, payload)
	}
	if err != nil && (isForGood(err) || errors.Is(err, ErrOptions) || ctx.Err() != nil) {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// isForGood reports whether it does not help to connect again.
func isForGood(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrAccountAuthExpired) || errors.Is(err, nats.ErrSecureConnRequired)
}

// dial connects, or fails when ctx ends. NATS' client tries all servers one after the other and cannot be told to stop, so it is left to
// itself then.
func dial(ctx context.Context, opts nats.Options) (*nats.Conn, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	type result struct {
		conn *nats.Conn
		err  error
	}
	came := make(chan result)
	go func() {
		conn, err := opts.Connect()
		select {
		case came <- result{conn, err}:
		case <-ctx.Done():
			if err == nil {
				conn.Close()
			}
		}
	}()
	select {
	case r := <-came:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
