package app

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/ws"
)

// A playground is the server of the page at /playground, on which a visitor tries what a client can do and sees its
// frames go by. It is a server of its own, at a WebSocket of its own: a visitor may have any name, join any group and send
// as fast as the limits allow, and takes no member's name, no place of the chat and no time of its room.
//
//	say    command, client to server  words; the server sends them on as said
//	said   command, server to client  words with From: to the group, or back to the client if Group is empty
//	cut    command, client to server  no value; the server cuts the line of this client
//	raw message, client to server     is sent back
//	echo   call                       any bytes; answered with the same bytes
//	slow   call                       milliseconds, up to maxSlow; answered with a text after that time
//	fail   call                       no value; fails with codeSoldOut, details and a time to wait
//	ask    call                       a text; answered with the page's answer to the server's call "question"
//	ticks  stream                     pace; its items are ticks
//	sum    upload                     numbers; answered with their sum
//	shout  exchange                   texts; each is answered in upper case
//	mirror stream of bytes            up to maxMirror; each byte comes back
type playground struct {
	srv   *core.Server
	links links
	pages http.Handler
}

const (
	maxSlow     = 10 * time.Second
	maxTicks    = 200
	maxMirror   = 256 << 10 // bytes
	maxWords    = 1 << 10   // bytes
	wrongAuth   = "wrong"   // the auth with which nobody gets in
	closedGroup = "closed"  // the group that nobody may join

	// codeSoldOut is the code with which the call "fail" fails.
	codeSoldOut = core.CodeApplication + 2
)

// words are what a visitor says to a group.
type words struct {
	From  string `json:"from"`
	Group string `json:"group"`
	Text  string `json:"text"`
}

// A pace says how many ticks a stream has, and the time between two ticks in milliseconds.
type pace struct {
	Count int `json:"count"`
	Every int `json:"every"`
}

// A tick is an item of the stream "ticks": its number, from 1, and the server's time in milliseconds of Unix.
type tick struct {
	N  int   `json:"n"`
	At int64 `json:"at"`
}

// newPlayground returns a playground whose WebSocket is at url.
func newPlayground(url string, log *slog.Logger) (*playground, error) {
	sockets, err := ws.NewListener(&ws.Options{Addr: url})
	if err != nil {
		return nil, err
	}
	srv, err := core.NewServer(playgroundOptions(log))
	if err != nil {
		return nil, err
	}
	p := &playground{srv: srv, links: links{sockets}}
	p.pages = p.newPages()
	p.register()
	return p, nil
}

// playgroundOptions has limits for strangers: a visitor costs little, and all visitors together take a bounded memory.
func playgroundOptions(log *slog.Logger) *core.ServerOptions {
	return &core.ServerOptions{
		Limits: core.Limits{
			MaxConns:     100,
			MaxName:      64,
			MaxGroups:    8,
			MaxCommand:   32,
			MaxCalls:     16,
			MaxFrame:     64 << 10,
			MaxItem:      64 << 10,
			MaxStreams:   4,
			StreamWindow: 64 << 10,
			QueueBytes:   256 << 10,
			InboxBytes:   64 << 10,
			MemoryBytes:  64 << 20,
			FrameRate:    500,
			ByteRate:     1 << 20,
		},
		Timeouts: core.Timeouts{
			Heartbeat: 5 * time.Second, // a visitor sees pings, and a fresh round-trip time
			Idle:      15 * time.Minute,
			Resume:    time.Minute, // a visitor who has cut the line has time to try things meanwhile
			Close:     closeTime,
		},
		Access: core.Access{
			Authorize: func(_ context.Context, a *core.Admission) error {
				if string(a.Auth) == wrongAuth {
					return core.NewError(core.CodeUnauthorized, "with this auth nobody gets in; try any other, or none")
				}
				return nil
			},
			AuthorizeName: func(context.Context, *core.Conn, string) error { return nil },
			AuthorizeGroup: func(_ context.Context, _ *core.Conn, group string) error {
				if group == closedGroup {
					return core.NewError(core.CodeUnauthorized, "nobody may join this group; try any other")
				}
				return nil
			},
		},
		Logger: log,
	}
}

func (p *playground) register() {
	core.On(p.srv, "say", p.say, core.MaxPayload(maxWords))
	core.On(p.srv, "cut", p.cut)
	p.srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
		if f.Kind != core.KindRaw {
			return nil
		}
		return c.SendRaw(f.Payload)
	})
	p.srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) { return payload, nil })
	core.Handle(p.srv, "slow", p.slow, core.Concurrent())
	core.Handle(p.srv, "fail", p.fail)
	core.Handle(p.srv, "ask", p.ask, core.Concurrent(), core.MaxPayload(maxWords))
	core.HandleStream(p.srv, "ticks", p.ticks)
	core.HandleUpload(p.srv, "sum", p.sum)
	core.HandleExchange(p.srv, "shout", p.shout)
	core.HandleByteStream(p.srv, "mirror", p.mirror)
}

// say sends words on. From is the name that the server knows, whatever the client says.
func (p *playground) say(_ context.Context, c *core.Conn, in words) error {
	in.From = c.Name()
	switch {
	case in.Group == "":
		return c.Send("said", in)
	case !c.InGroup(in.Group):
		return core.NewError(core.CodeUnauthorized, "only members of a group can send to it")
	}
	return p.srv.Group(in.Group).Send("said", in)
}

// cut breaks off the line of the client that asks for it, and of no other client. The server sees a client that has lost its network.
func (p *playground) cut(_ context.Context, c *core.Conn, _ struct{}) error {
	if l, ok := c.Info().Handshake().(*link); ok {
		l.cut()
	}
	return nil
}

func (p *playground) slow(ctx context.Context, _ *core.Conn, ms int) (string, error) {
	wait := time.Duration(min(max(ms, 0), int(maxSlow/time.Millisecond))) * time.Millisecond
	select {
	case <-time.After(wait):
		return fmt.Sprintf("here it is, %s later", wait), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *playground) fail(context.Context, *core.Conn, struct{}) (struct{}, error) {
	return struct{}{}, &core.Error{
		Code: codeSoldOut, Message: "sold out, as always", RetryAfter: 2 * time.Second, Details: map[string]int{"left": 0},
	}
}

func (p *playground) ask(ctx context.Context, c *core.Conn, question string) (string, error) {
	return core.Call[string](ctx, c, "question", question)
}

func (p *playground) ticks(ctx context.Context, _ *core.Conn, in pace, send func(tick) error) error {
	clock := time.NewTicker(time.Duration(min(max(in.Every, 10), 1000)) * time.Millisecond)
	defer clock.Stop()
	for n := 1; n <= min(in.Count, maxTicks); n++ {
		select {
		case <-clock.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := send(tick{N: n, At: time.Now().UnixMilli()}); err != nil {
			return err
		}
	}
	return nil
}

func (p *playground) sum(_ context.Context, _ *core.Conn, _ struct{}, numbers iter.Seq2[float64, error]) (float64, error) {
	total := 0.0
	for n, err := range numbers {
		if err != nil {
			return 0, err
		}
		total += n
	}
	if math.IsInf(total, 0) {
		return 0, core.NewError(core.CodeBadPayload, "the sum is over all numbers")
	}
	return total, nil
}

func (p *playground) shout(_ context.Context, _ *core.Conn, _ struct{}, texts iter.Seq2[string, error], send func(string) error) error {
	for text, err := range texts {
		if err != nil {
			return err
		}
		if err := send(strings.ToUpper(text)); err != nil {
			return err
		}
	}
	return nil
}

func (p *playground) mirror(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
	n, err := io.Copy(s, io.LimitReader(s, maxMirror+1))
	if n > maxMirror {
		return core.NewError(core.CodeTooBig, fmt.Sprintf("the mirror shows %d B and no more", maxMirror))
	}
	return err
}

// newPages serves the page, its files and its WebSocket.
func (p *playground) newPages() http.Handler {
	const dir = "playground"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+dir, file(dir+"/index.html"))
	entries, err := page.ReadDir("page/" + dir)
	if err != nil {
		panic(err) // it is embedded
	}
	for _, e := range entries {
		if e.Name() != "index.html" {
			mux.HandleFunc("GET /"+dir+"/"+e.Name(), file(dir+"/"+e.Name()))
		}
	}
	mux.Handle("/"+dir+"/ws", p.links)
	return mux
}

func (p *playground) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.pages.ServeHTTP(w, r) }

// serve serves visitors until the server is shut down.
func (p *playground) serve() error { return p.srv.Serve(context.Background(), p.links) }
