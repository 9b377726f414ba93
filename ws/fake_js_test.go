package ws

import (
	"context"
	"syscall/js"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// fakeWebSocket is a WebSocket whose other end is the test. It checks its arguments as a browser's
// WebSocket does, and its close event comes later, as in a browser.
const fakeWebSocket = `
return class {
	constructor(url) {
		if (url.includes("forbidden")) throw new DOMException("not from this page", "SecurityError");
		this.url = url;
		this.readyState = 0;
		this.held = 0;
		this.looks = 0;
		this.sent = [];
		this.closes = [];
	}
	get bufferedAmount() {
		this.looks++;
		return this.held;
	}
	send(message) {
		if (this.readyState === 0) throw new DOMException("still connecting", "InvalidStateError");
		if (!(message instanceof Uint8Array)) throw new TypeError("not bytes");
		if (this.readyState === 1) this.sent.push(message);
	}
	close(code, reason) {
		if (code !== undefined && code !== 1000 && (code < 3000 || code > 4999))
			throw new DOMException("code " + code, "InvalidAccessError");
		if (this.readyState > 1) return;
		this.readyState = 2;
		this.closes.push([code ?? 0, reason ?? ""]);
	}

	fire(type, fields) {
		this["on" + type]?.call(this, {type, ...fields});
	}
	open() {
		this.readyState = 1;
		this.fire("open");
	}
	message(bytes) {
		if (this.binaryType !== "arraybuffer") throw new TypeError("binaryType");
		this.fire("message", {data: bytes.slice().buffer});
	}
	text(data) {
		this.fire("message", {data});
	}
	end(code, reason) {
		this.readyState = 3;
		this.fire("close", {code, reason, wasClean: code !== 1006});
	}
}`

// useFake puts the fake in place of the global WebSocket.
func useFake(t *testing.T) {
	t.Helper()
	before := js.Global().Get("WebSocket")
	class := js.Global().Get("Function").New(fakeWebSocket).Invoke()
	made := js.Global().Get("Function").New("class_", "made", `
		return class extends class_ { constructor(url) { super(url); made.push(this); } };`)
	sockets := js.Global().Get("Array").New()
	js.Global().Set("WebSocket", made.Invoke(class, sockets))
	js.Global().Set("fakeSockets", sockets)
	t.Cleanup(func() {
		js.Global().Set("WebSocket", before)
		js.Global().Delete("fakeSockets")
	})
}

// fakes returns the number of WebSockets that were made.
func fakes() int { return js.Global().Get("fakeSockets").Length() }

// A fakePeer is the fake WebSocket of a conn.
type fakePeer struct{ js.Value }

// startDial dials, and returns the fake before it is open.
func startDial(t *testing.T, ctx context.Context, opts *DialOptions) (fakePeer, func() (transport.Conn, error)) {
	t.Helper()
	useFake(t)
	type result struct {
		conn transport.Conn
		err  error
	}
	dialled := make(chan result)
	go func() {
		c, err := Dialer("ws://example.com:8080/ws", opts).Dial(ctx)
		dialled <- result{c, err}
	}()
	require.Eventually(t, func() bool { return fakes() == 1 }, patience, tick)
	return fakePeer{js.Global().Get("fakeSockets").Index(0)}, func() (transport.Conn, error) {
		r := <-dialled
		return r.conn, r.err
	}
}

// dialFake makes an open conn.
func dialFake(t *testing.T, opts *DialOptions) (fakePeer, *conn) {
	t.Helper()
	peer, dialled := startDial(t, context.Background(), opts)
	peer.Call("open")
	c, err := dialled()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return peer, c.(*conn)
}

func (p fakePeer) message(payload string) {
	bytes := uint8Array.New(len(payload))
	js.CopyBytesToJS(bytes, []byte(payload))
	p.Call("message", bytes)
}

// sent returns the messages that were sent.
func (p fakePeer) sent() []string {
	var all []string
	for i := range p.Get("sent").Length() {
		message := p.Get("sent").Index(i)
		b := make([]byte, message.Length())
		js.CopyBytesToGo(b, message)
		all = append(all, string(b))
	}
	return all
}

func (p fakePeer) wantClose(t *testing.T, code int, reason string) {
	t.Helper()
	closes := p.Get("closes")
	require.Equal(t, 1, closes.Length())
	require.Equal(t, code, closes.Index(0).Index(0).Int())
	require.Equal(t, reason, closes.Index(0).Index(1).String())
}

// requireReleased checks that no callback remains, and that a late event
// does no harm. Go itself writes to the console if a released callback is called.
func (p fakePeer) requireReleased(t *testing.T, c *conn) {
	t.Helper()
	for _, name := range []string{"onopen", "onmessage", "onclose", "onerror"} {
		require.False(t, p.Get(name).Truthy(), name)
	}
	console := js.Global().Get("console")
	before := console.Get("error")
	defer console.Set("error", before)
	complaints := js.Global().Get("Array").New()
	console.Set("error", complaints.Get("push").Call("bind", complaints))
	c.onEvent.Invoke(map[string]any{"type": "message", "data": "late"})
	require.Equal(t, 1, complaints.Length(), "the callback is still there")
	require.Equal(t, "call to released function", complaints.Index(0).String())
}
