package core

import "context"

// auth returns what proves who the client is, as of now.
func (cl *Client) auth(ctx context.Context) ([]byte, error) {
	if cl.opts.AuthFunc == nil {
		return cl.opts.Auth, nil
	}
	asked, stop := within(ctx, attemptTime)
	defer stop()
	answer, err := cl.askAuth(asked)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case asked.Err() != nil:
		return nil, wrapError(CodeUnavailable, "AuthFunc took too long", context.Cause(asked))
	}
	if e, ok := asCoded(err); ok && e != nil {
		return nil, err
	}
	return nil, wrapError(CodeUnavailable, "AuthFunc failed", err)
}

// askAuth runs AuthFunc, and waits for it until ctx ends. One that does not heed its context keeps
// the next from being asked, but nobody else waiting.
func (cl *Client) askAuth(ctx context.Context) ([]byte, error) {
	select {
	case cl.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type answer struct {
		auth []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		a := answer{err: errNoAuth}
		defer func() {
			if v := recover(); v != nil { // what it says could be the auth
				cl.cfg.log.error(nil, "AuthFunc panicked", nil, "panic", shown(typeOf(v)), "stack", shown(stack()))
			}
			<-cl.asking
			answered <- a
		}()
		a.auth, a.err = cl.opts.AuthFunc(ctx)
		if e, ok := a.err.(*Error); ok && e == nil { // a nil that has become an interface
			a.err = nil
		}
	}()
	select {
	case a := <-answered:
		return a.auth, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errNoAuth is why there is no auth if AuthFunc has not returned.
var errNoAuth = &Error{Code: CodeUnavailable, Message: "AuthFunc failed"}
