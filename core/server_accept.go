package core

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// Serve accepts clients from l until ctx ends, l fails for good, or [Server.Shutdown] is
// called; then it closes l. Clients that have come stay until they leave or the server
// shuts down. The values of ctx, not its end, are passed to handlers.
//
// It returns nil after a Shutdown, and otherwise why it has stopped accepting. It may be called for several
// listeners at once. It fails with [CodeShutdown] if the server has been shut down before.
func (s *Server) Serve(ctx context.Context, l transport.Listener) error {
	if l == nil {
		return NewError(CodeUnsupported, "there is no listener to serve")
	}
	ctx = given(ctx)
	defer l.Close() //nolint:errcheck // nothing to be done about it
	key, ok := s.begin(l)
	if !ok {
		return NewError(CodeShutdown, "the server has been shut down")
	}
	defer s.conns.Done()
	defer s.forget(key)
	s.cluster.serve()
	s.shared.serve()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	if r, ok := l.(transport.Rejecter); ok {
		r.TellRejected(func(remote string, err error) {
			s.eng.log.warn(nil, "a listener turned somebody away", err, "addr", remote, "listener", l.Addr())
		})
		defer r.TellRejected(nil)
	}
	if r, ok := l.(transport.Refuser); ok {
		r.RefuseWith(func(reason string) []byte {
			return wire.AppendRefuse(nil, wire.Goodbye{Code: CodeUnauthorized, Reason: reason})
		})
		defer r.RefuseWith(nil)
	}
	base := context.WithoutCancel(ctx)
	var wait backoff
	fails := acceptFails{log: s.eng.log, addr: l.Addr()}
	for {
		stream, err := l.Accept()
		switch {
		case err == nil:
			wait.reset()
			s.accept(base, stream)
		case s.isClosing():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case temporary(err):
			fails.add(err)
			wait.sleep(ctx, s.stopping)
		default:
			return wrapError(CodeInternal, "accept on "+l.Addr(), err)
		}
	}
}

// An acceptFails logs failures to accept after which a listener works on. It writes at most one line each
// acceptLogged, since there are up to 200 failures a second while the process lacks descriptors.
type acceptFails struct {
	log    *journal
	addr   string    // the listener's
	logged time.Time // when the last line was written
	more   int       // failures since the last line
}

const acceptLogged = 10 * time.Second

func (f *acceptFails) add(err error) {
	if !f.logged.IsZero() && time.Since(f.logged) < acceptLogged {
		f.more++
		return
	}
	f.log.warn(nil, "a listener failed to accept", err, "listener", f.addr, "more", f.more)
	f.logged, f.more = time.Now(), 0
}

// begin notes a listener, and, for the first one, starts the sweeper and the keeper of the memory limit. It reports
// false if a Shutdown has begun.
func (s *Server) begin(l transport.Listener) (key uint64, ok bool) {
	if s.isClosing() {
		return 0, false
	}
	s.freezing.Do(s.freezeGuarded) // with no lock held: it calls middleware
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return 0, false
	}
	if !s.serving {
		s.serving = true
		s.eng.sweep.start()
		go s.keepWithin()
	}
	s.lastKey++
	s.listeners[s.lastKey] = l
	s.conns.Add(1)
	return s.lastKey, true
}

func (s *Server) forget(key uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, key)
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// temporary reports whether a listener can still accept after err.
func temporary(err error) bool {
	t, ok := find[interface{ Temporary() bool }](err)
	return ok && t.Temporary()
}

// accept takes a new stream, whose handshake and reading get a goroutine of their own.
func (s *Server) accept(base context.Context, stream transport.Conn) {
	ar := &arrival{stream: stream}
	from := addrOf(stream.Info())
	from.Proxy = isProxy(stream.Info())
	slot, evicted := s.gate.Enter(from, ar)
	ar.slot = slot
	s.makeRoom(evicted)
	if !s.register(ar) {
		s.gate.Free(slot)
		stream.Close() //nolint:errcheck // it was never used
		return
	}
	go s.welcome(base, ar)
}

// register counts an arrival as one that shakes hands. It reports false if a Shutdown has begun.
func (s *Server) register(ar *arrival) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.lastKey++
	ar.key = s.lastKey
	s.shaking[ar.key] = ar
	s.conns.Add(1)
	return true
}

// addrOf returns the address for which a newcomer counts. A proxy that does not tell its client's address may
// stand for many clients.
func addrOf(info transport.Info) admit.Addr {
	from := admit.AddrOf(info.Remote)
	from.Many = from.Many || isProxy(info)
	return from
}

// isProxy reports whether the address of a stream is that of a proxy and not the client's.
func isProxy(info transport.Info) bool { return info.Proxy != "" && info.Proxy == info.Remote }

// readSource reads what a proxy says about a newcomer. From then on the newcomer counts for its own address, not for the
// proxy's.
func (s *Server) readSource(ar *arrival) *Error {
	source, ok := ar.stream.(transport.SourceReader)
	if !ok || ar.stream.Info().Proxy == "" {
		return nil
	}
	err := source.ReadSource()
	switch {
	case err == nil:
		s.locate(ar)
		return nil
	case timedOut(err), errors.Is(err, io.EOF), errors.Is(err, transport.ErrClosed):
		return handshakeError(err)
	}
	return wrapError(CodeNotNative, "the proxy has not said who the client is", err)
}

// locate counts a newcomer that comes through a proxy for its own address, if the stream knows that address. A wrapped
// stream may not be a [transport.SourceReader]: it knows the address once the hello has been read.
func (s *Server) locate(ar *arrival) {
	if info := ar.stream.Info(); info.Proxy != "" {
		s.makeRoom(s.gate.Move(ar.slot, addrOf(info)))
	}
}

var errShuttingDown = &Error{Code: CodeShutdown, Message: "the server is shutting down"}

// readHello reads the preface and the hello. It allocates no more than Limits.MaxHello for it.
func (s *Server) readHello(stream transport.Conn, rd *reader) (*wire.Hello, *legacyPeer, *Error) {
	if err := readMore(stream, rd); err != nil {
		return nil, nil, handshakeError(err)
	}
	if s.isLegacy(rd) {
		return s.readLegacyHello(stream, rd)
	}
	if err := readPreface(stream, rd); err != nil {
		return nil, nil, err
	}
	hello, err := s.readNativeHello(stream, rd)
	return hello, nil, err
}

func (s *Server) readNativeHello(stream transport.Conn, rd *reader) (*wire.Hello, *Error) {
	f, err := readFrame(stream, rd, s.opts.Limits.MaxHello)
	if err != nil {
		if e, ok := find[*Error](err); ok {
			return nil, e
		}
		return nil, handshakeError(err)
	}
	if f.Kind != wire.KindHello {
		return nil, NewError(CodeProtocol, "a "+f.Kind.String()+" frame before the hello")
	}
	hello, err := wire.ParseHello(f.Body, &wire.Limits{
		MaxName: s.opts.Limits.MaxName, MaxGroups: s.opts.Limits.MaxGroups,
		MaxAuth: s.opts.Limits.MaxHello, MaxMetadata: s.opts.Limits.MaxHello,
	})
	if err != nil {
		return nil, wireError(err)
	}
	if hello.Version != wire.Version {
		return nil, errVersion
	}
	return hello, nil
}

// A backoff waits twice as long each time, from 5 ms to a second.
type backoff struct{ next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep waits, or returns at once when ctx ends or the server stops.
func (b *backoff) sleep(ctx context.Context, stopping <-chan struct{}) {
	b.next = min(max(2*b.next, 5*time.Millisecond), time.Second)
	t := time.NewTimer(b.next)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-stopping:
	}
}
