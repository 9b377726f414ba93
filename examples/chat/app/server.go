package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
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
func (p Program) serve(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &server{}
	defer s.stop()
	// The ports come first: if one is in use, the user need not wait for the bundle to learn it.
	if err := s.listen(o); err != nil {
		return err
	}
	if o.nats.Address != "" {
		if s.backbone, err = p.Open(ctx, o.nats); err != nil {
			return err
		}
	}
	if err := s.open(o, log); err != nil {
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
		s.http = newHTTPServer(newPages(bundle, s.sockets, s.play, health(s.chat)), log)
	}
	s.start()
	if err := s.enter(ctx, stderr); err != nil {
		return err
	}
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
	backbone *Backbone // nil if the chat is alone; then observer is nil too
	chat     *core.Server
	observer *observer

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
		s.tcp, err = listenAt(o.tcp, o.anyTCP, func(addr string) (*tcp.Listener, error) { return tcp.Listen(addr, nil) })
		if err != nil {
			return fmt.Errorf("cannot listen for terminals, -tcp %q: %w", o.tcp, err)
		}
	}
	if o.http != "" {
		s.web, err = listenAt(o.http, o.anyHTTP, func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) })
		if err != nil {
			return fmt.Errorf("cannot listen for browsers, -http %q: %w", o.http, err)
		}
		if s.sockets, err = ws.NewListener(&ws.Options{Addr: s.socketURL()}); err != nil {
			return err
		}
	}
	return nil
}

// listenAt listens on an address, or else, if any port will do, on another port.
func listenAt[L any](addr string, anyPort bool, listen func(string) (L, error)) (L, error) {
	l, err := listen(addr)
	if err == nil || !anyPort {
		return l, err
	}
	host, _, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		return l, err
	}
	return listen(net.JoinHostPort(host, "0"))
}

// open makes the server of the chat, and its room.
func (s *server) open(o options, log *slog.Logger) (err error) {
	opts := roomOptions()
	opts.Limits.MaxFrame, opts.Timeouts.Close, opts.Timeouts.Resume, opts.Logger = 64<<10, closeTime, resumeTime, log
	if s.backbone != nil {
		joinCluster(&opts, s.backbone, cmp.Or(o.node, s.nodeName()))
	}
	if s.chat, err = core.NewServer(&opts); err != nil {
		return err
	}
	r := newRoom(s.chat)
	if s.backbone != nil {
		r.watch()
		s.observer, err = newObserver(r, log)
	}
	return err
}

// nodeName returns a name that no other chat has: the machine's with a port.
func (s *server) nodeName() string {
	var addr string
	if s.web != nil {
		addr = s.web.Addr().String()
	} else {
		addr = s.tcp.Addr()
	}
	host, _ := os.Hostname() //nolint:errcheck // then it is empty
	host, _, _ = strings.Cut(host, ".")
	return cmp.Or(host[:min(len(host), maxName)], "chat") + addr[strings.LastIndex(addr, ":"):]
}

// start serves all listeners until stop.
func (s *server) start() {
	s.failed = make(chan error, 5)
	serve := func(l transport.Listener) {
		// Not the context of the program: when that ends, Shutdown still says goodbye to the clients.
		if err := s.chat.Serve(context.Background(), l); err != nil {
			s.failed <- err
		}
	}
	if s.observer != nil {
		s.running.Go(func() { serve(s.observer.way) })
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

// enterTime is how long the server waits for its cluster before it says that it is open.
const enterTime = 5 * time.Second

// enter joins the other chats, if there are any.
func (s *server) enter(ctx context.Context, stderr io.Writer) error {
	if s.observer == nil {
		return nil
	}
	if err := s.observer.client.Connect(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	if err := s.chat.Cluster().Join(ctx); err != nil {
		fmt.Fprintf(stderr, "chat: NATS cannot be reached at %s; nobody is let in until it can\n", s.backbone.Address)
	}
	return nil
}

// stop says goodbye to all clients, closes the listeners and waits for the goroutines. It may be called
// at any stage of the start.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if s.play != nil {
		s.running.Go(func() { s.play.srv.Shutdown(ctx) }) //nolint:errcheck // as below
	}
	if s.observer != nil {
		s.observer.client.Close() //nolint:errcheck // the program ends
	}
	if s.chat != nil {
		s.chat.Shutdown(ctx) //nolint:errcheck // clients that did not read the goodbye in time have been cut off
	}
	if s.tcp != nil {
		s.tcp.Close() //nolint:errcheck
	}
	if s.web != nil {
		s.web.Close() //nolint:errcheck
	}
	if s.http != nil {
		s.http.Close() //nolint:errcheck
	}
	s.running.Wait()
	if s.backbone != nil {
		s.backbone.Close()
	}
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
	if s.backbone != nil {
		fmt.Fprintf(w, "  this node       %s\n", s.chat.Cluster().Node().ID)
		fmt.Fprintf(w, "  another node    go run ./examples/chat -nats %s\n", s.backbone.Address)
	}
	fmt.Fprintln(w, "Press Ctrl-C to close it.")
}
