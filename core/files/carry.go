package files

import (
	"context"
	"errors"
	"time"

	"github.com/hisock/hisock/core"
)

// Upload opens a stream to the handler with that name, sends a file over it with [Send], and closes the stream. in is
// the argument of the stream.
//
// Upload tries again if the connection of a [core.Client] is lost with its session, or if the server cannot take the
// file at this moment. Each attempt goes on from where the receiver is. The attempts end when the client has ended for
// good or ctx ends, and at once after any other error. A source that can be read only once has one attempt.
func Upload(ctx context.Context, to core.Streamer, name string, in any, from *Source, opts *Options) (Receipt, error) {
	return carry(ctx, to, name, in, from.again, func(ctx context.Context, s *core.ByteStream) (Receipt, error) {
		return Send(ctx, s, from, opts)
	})
}

// Download opens a stream to the handler with that name, receives a file over it with [Receive], and closes the stream.
// It tries again like [Upload]. It does not close to.
func Download(ctx context.Context, from core.Streamer, name string, in any, to *Target, opts *Options) (Receipt, error) {
	return carry(ctx, from, name, in, to.again, func(ctx context.Context, s *core.ByteStream) (Receipt, error) {
		return Receive(ctx, s, to, opts)
	})
}

// Bounds of the time between two attempts.
const (
	firstWait = 100 * time.Millisecond
	maxWait   = 2 * time.Second
)

// carry does a transfer, in as many attempts as it takes, while another attempt may help.
func carry(ctx context.Context, with core.Streamer, name string, in any, again func() bool, do func(context.Context, *core.ByteStream) (Receipt, error)) (Receipt, error) {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		got, err := once(ctx, with, name, in, do)
		if err == nil {
			return got, nil
		}
		cl, ok := with.(*core.Client)
		if !ok || ctx.Err() != nil || !mayHeal(err) || !again() {
			return Receipt{}, err
		}
		if e := (*Error)(nil); errors.As(err, &e) && e.Done >= 0 {
			wait = firstWait // the server has taken the stream
		}
		if !pause(ctx, cl, max(wait, retryAfter(err))) {
			return Receipt{}, err
		}
	}
}

// once does a transfer over one stream.
func once(ctx context.Context, with core.Streamer, name string, in any, do func(context.Context, *core.ByteStream) (Receipt, error)) (Receipt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := core.OpenByteStream(ctx, with, name, in)
	if err != nil {
		return Receipt{}, &Error{Err: err, Done: -1, Size: -1}
	}
	got, err := do(ctx, s)
	if err != nil {
		cancel(err) // tells the other end
		return Receipt{}, err
	}
	s.Close() //nolint:errcheck // all is done
	return got, nil
}

// pause waits for d. It reports false if another attempt is of no use.
func pause(ctx context.Context, cl *core.Client, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-cl.Done():
	}
	return false
}

// mayHeal reports whether another attempt may succeed.
func mayHeal(err error) bool {
	if retryAfter(err) > 0 {
		return true
	}
	switch core.CodeOf(err) {
	case core.CodeShutdown, core.CodeUnavailable, core.CodeOverloaded, core.CodeNotConnected, core.CodeCanceled, core.CodeTooManyCalls:
		return true
	}
	var lost *core.StreamError
	return errors.As(err, &lost) && !core.IsRemote(err) // the stream has ended with its connection
}

// retryAfter returns the time that the other end asks to wait.
func retryAfter(err error) time.Duration {
	if e := (*core.Error)(nil); errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
