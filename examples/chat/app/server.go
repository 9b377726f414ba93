package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/web"
	"github.com/hisock/hisock/ws"
)

const (
	goodbyeTime = 1500 * time.Millisecond // how long the shutdown may take, for all clients together
	closeTime   = time.Second             // how long one client may take to read the goodbye and close

	// resumeTime is how long the server waits for a client that is away: long enough for the reload of a page,
	// short enough that a member whose tab was closed is soon gone.
	resumeTime = 10 * time.Second
)

// serve runs the chat until ctx ends, which is no error.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	opts := roomOptions()
	opts.Limits.MaxFrame, opts.Timeouts.Close, opts.Timeouts.Resume, opts.Logger = 64<<10, closeTime, resumeTime, log
	chat, err := core.NewServer(&opts)
	if err != nil {
		return err
	}
	s := &server{chat: chat}
	newRoom(s.chat)
	defer s.stop()
	// The ports come first: if one is in use, the user need not wait for the bundle to learn it.
	if err := s.listen(o); err != nil {
		return err
	}
	if s.sockets != nil {
		bundle, err := loadBundle(ctx, o.bundle, stderr)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if s.play, err = newPlayground(s.playgroundURL(), log); err != nil {
			return err
		}
		s.http = newHTTPServer(newPages(bundle, s.sockets, s.play), log)
	}
	s.start()
	s.printReady(stdout)
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		fmt.Fprintln(stderr, "chat: stopping")
		return nil
	}
}

// newHTTPServer returns a server of h that logs to the log of the chat.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	s := web.NewServer(h)
	s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	return s
}

// A server is the chat with its listeners.
type server struct {
	chat    *core.Server
	tcp     *tcp.Listener // nil if terminals are not served
	web     net.Listener  // nil if browsers are not served; the next three are nil then too
	sockets *ws.Listener
	play    *playground
	http    *http.Server

	running sync.WaitGroup
	failed  chan error // errors of the goroutines that serve; has room for one of each
}

func (s *server) listen(o options) (err error) {
	if o.tcp != "" {
		if s.tcp, err = tcp.Listen(o.tcp, nil); err != nil {
			return fmt.Errorf("cannot listen for terminals, -tcp %q: %w", o.tcp, err)
		}
	}
	if o.http != "" {
		if s.web, err = net.Listen("tcp", o.http); err != nil {
			return fmt.Errorf("cannot listen for browsers, -http %q: %w", o.http, err)
		}
		if s.sockets, err = ws.NewListener(&ws.Options{Addr: s.socketURL()}); err != nil {
			return err
		}
	}
	return nil
}

// start serves all listeners until stop.
func (s *server) start() {
	s.failed = make(chan error, 4)
	serve := func(l transport.Listener) {
		// Not the context of the program: when that ends, Shutdown still says goodbye to the clients.
		if err := s.chat.Serve(context.Background(), l); err != nil {
			s.failed <- err
		}
	}
	if s.tcp != nil {
		s.running.Go(func() { serve(s.tcp) })
	}
	if s.http != nil {
		s.running.Go(func() { serve(s.sockets) })
		s.running.Go(func() {
			if err := s.play.serve(); err != nil {
				s.failed <- err
			}
		})
		s.running.Go(func() {
			if err := s.http.Serve(s.web); !errors.Is(err, http.ErrServerClosed) {
				s.failed <- err
			}
		})
	}
}

// stop says goodbye to all clients, closes the listeners and waits for the goroutines. It may be called
// at any stage of the start.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if s.play != nil {
		s.running.Go(func() { s.play.srv.Shutdown(ctx) }) //nolint:errcheck // as below
	}
	s.chat.Shutdown(ctx) //nolint:errcheck // clients that did not read the goodbye in time have been cut off
	if s.tcp != nil {
		s.tcp.Close() //nolint:errcheck // the program ends
	}
	if s.web != nil {
		s.web.Close() //nolint:errcheck
	}
	if s.http != nil {
		s.http.Close() //nolint:errcheck
	}
	s.running.Wait()
}

func (s *server) pageURL() string       { return "http://" + s.web.Addr().String() }
func (s *server) socketURL() string     { return "ws://" + s.web.Addr().String() + "/ws" }
func (s *server) playgroundURL() string { return "ws://" + s.web.Addr().String() + "/playground/ws" }

// printReady prints the addresses of the chat.
func (s *server) printReady(w io.Writer) {
	fmt.Fprintln(w, "The chat is open.")
	if s.web != nil {
		fmt.Fprintf(w, "  in a browser    %s\n", s.pageURL())
		fmt.Fprintf(w, "  the playground  %s/playground\n", s.pageURL())
	}
	if s.tcp != nil {
		fmt.Fprintf(w, "  in a terminal   go run ./examples/chat -join tcp://%s -name ada\n", s.tcp.Addr())
	}
	if s.web != nil {
		fmt.Fprintf(w, "  or              go run ./examples/chat -join %s -name ada\n", s.socketURL())
	}
	fmt.Fprintln(w, "Press Ctrl-C to close it.")
}
