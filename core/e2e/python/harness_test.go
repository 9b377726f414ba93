//go:build !js

package python_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

// Most tests here go through the API of the original, the Python package hisock 0.0.2, and show its
// counterpart: over TCP, through the public API only, and with clients of both kinds where that
// could make a difference.

// An original is a server on a port of its own, and a record of what it notices.
type original struct {
	t    *testing.T
	ctx  context.Context
	srv  *core.Server
	addr string

	faults chan harness.Fault
	joins  chan *core.Conn
	leaves chan harness.Departure
	heard  chan string // notes of handlers
	served chan error
}

// newOriginal serves until the test ends. register adds handlers before that.
func newOriginal(t *testing.T, opts *core.ServerOptions, register ...func(o *original)) *original {
	t.Helper()
	o := &original{
		t: t, srv: harness.NewServer(opts),
		faults: make(chan harness.Fault, harness.EventRoom),
		joins:  make(chan *core.Conn, harness.EventRoom),
		leaves: make(chan harness.Departure, harness.EventRoom),
		heard:  make(chan string, harness.EventRoom),
		served: make(chan error, 1),
	}
	ctx, cancel := coretest.Patient()
	t.Cleanup(cancel)
	o.ctx = ctx
	o.srv.OnError(func(c *core.Conn, err error) { o.faults <- harness.Fault{Conn: c, Err: err} })
	o.srv.OnJoin(func(c *core.Conn) { o.joins <- c })
	o.srv.OnLeave(func(c *core.Conn, why error) { o.leaves <- harness.Departure{Conn: c, Why: why} })
	o.srv.HandleBytes("echo", harness.Echo)
	for _, f := range register {
		f(o)
	}
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	o.addr = l.Addr()
	go func() { o.served <- o.srv.Serve(ctx, l) }()
	t.Cleanup(func() {
		ctx, cancel := coretest.Patient()
		defer cancel()
		require.NoError(t, o.srv.Shutdown(ctx))
	})
	return o
}

// note returns a handler that notes the values that it gets.
func note[T any](o *original, what string) func(context.Context, *core.Conn, T) error {
	return func(_ context.Context, c *core.Conn, in T) error {
		o.heard <- fmt.Sprintf("%s %s %T %v", c.Name(), what, in, in)
		return nil
	}
}

// client returns a client that is closed when the test ends.
func (o *original) client(opts *core.ClientOptions) *core.Client {
	return clientOf(o.t, o.addr, opts)
}

func clientOf(t *testing.T, addr string, opts *core.ClientOptions) *core.Client {
	var o core.ClientOptions
	if opts != nil {
		o = *opts
	}
	o.Retry.Off = true // a client of the original does not come back
	cl := harness.NewClient(tcp.Dialer(addr, nil), &o)
	t.Cleanup(func() {
		cl.Close()
		<-cl.Done()
	})
	return cl
}

// enter connects a client and returns the server's connection to it.
func (o *original) enter(cl *core.Client) *core.Conn {
	o.t.Helper()
	require.NoError(o.t, cl.Connect(o.ctx))
	c := coretest.Next(o.t, o.joins)
	require.Equal(o.t, cl.Conn().Addr(), c.Addr())
	return c
}

// join is enter for a new client without handlers.
func (o *original) join(name string, groups ...string) *core.Client {
	o.t.Helper()
	cl := o.client(&core.ClientOptions{Name: name, Groups: groups})
	o.enter(cl)
	return cl
}

// python joins as a Python program does. An empty name or group is none.
func (o *original) python(name, group string) *python {
	o.t.Helper()
	p := dialPython(o.t, o.addr)
	p.sends(pythonHello(name, group))
	require.Equal(o.t, p.LocalAddr().String(), coretest.Next(o.t, o.joins).Addr())
	return p
}

// hears takes the next notes of handlers, which must be want.
func (o *original) hears(want ...string) {
	o.t.Helper()
	for _, w := range want {
		require.Equal(o.t, w, coretest.Next(o.t, o.heard))
	}
}

// check sees that the server goes on, and that the error hook was told of nothing that the test has
// not taken.
func (o *original) check(cl *core.Client) {
	o.t.Helper()
	got, err := core.Call[string](o.ctx, cl, "echo", "go on")
	require.NoError(o.t, err)
	require.Equal(o.t, "go on", got)
	require.Empty(o.t, o.faults)
}

// A python is the socket of a Python program, at either end.
type python struct {
	t *testing.T
	*net.TCPConn
	in     *bufio.Reader
	header int // length of a header in bytes
}

func newPython(t *testing.T, stream net.Conn) *python {
	t.Helper()
	t.Cleanup(func() { stream.Close() })
	require.NoError(t, stream.SetDeadline(time.Now().Add(transporttest.Patience)))
	return &python{t, stream.(*net.TCPConn), bufio.NewReader(stream), 16}
}

func dialPython(t *testing.T, addr string) *python {
	t.Helper()
	stream, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return newPython(t, stream)
}

// sends writes payloads, each as one frame and with one call.
func (p *python) sends(payloads ...string) {
	p.t.Helper()
	for _, payload := range payloads {
		_, err := fmt.Fprintf(p, "%-*d%s", p.header, len(payload), payload)
		require.NoError(p.t, err)
	}
}

// gets wants the payloads next.
func (p *python) gets(want ...string) {
	p.t.Helper()
	for _, w := range want {
		header := make([]byte, p.header)
		_, err := io.ReadFull(p.in, header)
		require.NoError(p.t, err, "instead of %q", w)
		n, err := strconv.Atoi(strings.TrimRight(string(header), " "))
		require.NoError(p.t, err)
		payload := make([]byte, n)
		_, err = io.ReadFull(p.in, payload)
		require.NoError(p.t, err)
		require.Equal(p.t, w, string(payload))
	}
}

// ends wants the end of the stream, and nothing before it.
func (p *python) ends() {
	p.t.Helper()
	require.Empty(p.t, p.rest())
}

// rest returns the bytes up to the end of the stream.
func (p *python) rest() string {
	p.t.Helper()
	b, err := io.ReadAll(p.in)
	timeout, ok := err.(net.Error)
	require.False(p.t, ok && timeout.Timeout(), "the stream does not end")
	return string(b)
}

// vanishes leaves by a reset, as the original does.
func (p *python) vanishes() {
	p.t.Helper()
	require.NoError(p.t, p.SetLinger(0))
	require.NoError(p.t, p.Close())
}

// pythonHello returns the payload of a hello. An empty name or group is none.
func pythonHello(name, group string) string {
	return `$CLTHELLO$ {"name": ` + label(name) + `, "group": ` + label(group) + `}`
}

// pythonNotice returns the payload of a notice about the client at addr.
func pythonNotice(what, addr, name, group string) string {
	host, port, _ := strings.Cut(addr, ":")
	return what + ` {"ip": ["` + host + `", ` + port + `], "name": ` + label(name) + `, "group": ` + label(group) + `}`
}

func label(s string) string {
	if s == "" {
		return "null"
	}
	quoted, _ := json.Marshal(s)
	return string(quoted)
}
