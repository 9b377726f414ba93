//go:build !js

package python_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/transport"
)

// Constants of package legacy, in bytes except the delay.
const (
	recordDelay = 10 * time.Millisecond // before the answer to a client that asks for a record
	maxRecords  = 64                    // answers that may wait for a client
	paceBurst   = 32 << 10              // written at once
	paceFrame   = 128                   // what each frame counts besides its own bytes
)

// An oldPeer speaks the original's protocol by hand, at either end. It reads all the time.
type oldPeer struct {
	t      *testing.T
	stream transport.Conn

	mu    sync.Mutex // guards the fields below
	got   []byte
	ended bool
}

func newOldPeer(t *testing.T, stream transport.Conn) *oldPeer {
	p := &oldPeer{t: t, stream: stream}
	go p.read()
	return p
}

func (p *oldPeer) read() {
	defer p.stream.Close() //nolint:errcheck // it is over
	buf := make([]byte, 32<<10)
	for {
		n, err := p.stream.Read(buf)
		p.mu.Lock()
		p.got = append(p.got, buf[:n]...)
		p.ended = err != nil
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send writes bytes as they are.
func (p *oldPeer) send(b string) {
	p.t.Helper()
	_, err := p.stream.Write([]byte(b))
	require.NoError(p.t, err)
}

// drip writes byte by byte. The other end reads each byte alone.
func (p *oldPeer) drip(b string) {
	p.t.Helper()
	for i := range len(b) {
		p.send(b[i : i+1])
		synctest.Wait()
	}
}

// want checks the payloads that have come since the last take.
func (p *oldPeer) want(payloads ...string) {
	p.t.Helper()
	require.Equal(p.t, oldFrames(payloads...), p.take())
}

// take returns the bytes that have come since the last take.
func (p *oldPeer) take() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := string(p.got)
	p.got = nil
	return got
}

// records returns, as JSON, the records that a client of 3.0a gets, which has just asked for them.
func (p *oldPeer) records() (all string) {
	p.t.Helper()
	time.Sleep(recordDelay)
	for rest := []byte(p.take()); len(rest) > 0; {
		payload, size, ok, err := classic.Next(rest, 0, 0)
		require.NoError(p.t, err)
		require.True(p.t, ok)
		if name, body := classic.SplitTyped(payload); string(name) == classic.RecordCommand {
			text, _, err := classic.ParseBody(body, 0)
			require.NoError(p.t, err)
			all += string(text)
		}
		rest = rest[size:]
	}
	return all
}

func (p *oldPeer) isEnded() bool {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

func (p *oldPeer) close() {
	p.stream.Close() //nolint:errcheck // nothing to be done about it
	synctest.Wait()
}

// oldFrames returns payloads in the original's frames.
func oldFrames(payloads ...string) string {
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "%-16d%s", len(p), p)
	}
	return b.String()
}

// oldHello returns the hello of the original. name and group are JSON.
func oldHello(name, group string) string {
	return oldFrames(`$CLTHELLO$ {"name": ` + name + `, "group": ` + group + `}`)
}

// knock connects by hand and sends nothing.
func (w *world) knock() *oldPeer {
	stream, err := w.lis.Dial(w.ctx)
	require.NoError(w.t, err)
	return newOldPeer(w.t, stream)
}

// old joins by hand. name and group are JSON.
func (w *world) old(name, group string) *oldPeer {
	p := w.knock()
	p.send(oldHello(name, group))
	synctest.Wait()
	return p
}

// taps is a listener whose connections are taps, with the given addresses.
type taps struct {
	transport.Listener
	addrs []string
	conns []*tap
}

func (l *taps) Accept() (transport.Conn, error) {
	stream, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &tap{Conn: stream, addr: "127.0.0.1:" + strconv.Itoa(40001+len(l.conns))}
	if len(l.conns) < len(l.addrs) {
		c.addr = l.addrs[len(l.conns)]
	}
	l.conns = append(l.conns, c)
	return c, nil
}

// tapped serves through taps.
func (w *world) tapped(addrs ...string) *taps {
	l := &taps{Listener: w.lis, addrs: addrs}
	go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
	return l
}

// A tap records each write, and can break off like a TCP connection.
type tap struct {
	transport.Conn
	addr   string
	writes kept[string]
	broken atomic.Bool
}

var errBroken = errors.New("connection reset by peer")

func (c *tap) Info() transport.Info {
	return transport.Info{Transport: "tcp", Local: "127.0.0.1:40000", Remote: c.addr}
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.broken.Load() {
		err = errBroken
	}
	return n, err
}

func (c *tap) Write(p []byte) (int, error) {
	c.writes.Add(string(p))
	return c.Conn.Write(p)
}

func (c *tap) WriteBuffers(bufs [][]byte) (int64, error) {
	c.writes.Add(string(bytes.Join(bufs, nil)))
	return c.Conn.WriteBuffers(bufs)
}

// requireWhole checks that each write was one complete frame.
func (c *tap) requireWhole(t *testing.T, headerLen int) {
	t.Helper()
	for _, b := range c.writes.All() {
		require.GreaterOrEqual(t, len(b), headerLen)
		length, err := strconv.Atoi(strings.TrimSpace(b[:headerLen]))
		require.NoError(t, err)
		require.Equal(t, len(b), headerLen+length)
	}
}

// requireSame is require.Equal without a megabyte of output.
func requireSame(t *testing.T, want, got string) {
	t.Helper()
	if want != got {
		require.Equal(t, strconv.Quote(want[:min(len(want), 400)]), strconv.Quote(got[:min(len(got), 400)]))
		require.Equal(t, len(want), len(got))
		require.FailNow(t, "the same beginning, another end")
	}
}
