package main

import (
	"context"
	"syscall/js"
	"time"
	"unsafe"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// A client is one client of the page. It puts events that are many into records for the border, and calls a method of its sink for each
// other event. The methods of the sink only queue the event, so a call is short.
type client struct {
	core    *core.Client
	border  *border
	id      int
	sink    js.Value
	methods js.Value
	funcs   funcs

	stream interface{ Unsent() int } // the stream of the client; nil before the first

	ctx    context.Context // ends with the client
	cancel context.CancelFunc

	// begun is closed once the page is ready for frames.
	begun     chan struct{}
	isBegun   bool
	connected bool

	calls   table[context.CancelFunc] // calls, changes and waits of the page that are open, by the page's ids
	streams table[*stream]            // of the page, which gives them even ids, and of the server
	served  table[chan<- answer]      // requests to the page that are open, by ids from lastID
	lastID  int

	lacking int // size in bytes of the frame that was sent last, if there was no room for it; 0 otherwise

	// cells are what the page reads without a call.
	cells struct {
		free     uint32 // bytes of frames that there is room for
		maxFrame uint32 // bytes of the longest frame that the server reads
	}
}

// An answer is the result of a page's handler.
type answer struct {
	payload []byte
	err     error
}

// newClient makes a client that does not connect yet. It fails only for a config that options.js should have refused.
func newClient(p *program, id int, config, sink js.Value) (_ *client, err error) {
	c := &client{
		border:  &p.border,
		id:      id,
		sink:    sink,
		methods: js.Global().Get("Object").New(),
		begun:   make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	opts := &core.ClientOptions{
		Name:       config.Get("name").String(),
		Groups:     goStrings(config.Get("groups")),
		Metadata:   goPairs(config.Get("metadata")),
		Session:    goBytes(config.Get("session")),
		MaxFrame:   config.Get("maxFrame").Int(),
		QueueBytes: config.Get("queueBytes").Int(),
		Logger:     logger{c},

		ConnectTimeout: -1, // the page bounds the first attempt
		Retry: core.Retry{
			Off: config.Get("stay").Bool(), First: config.Get("first").Bool(),
			Min: goMillis(config, 0), Max: goMillis(config, 1), For: goMillis(config, 2),
		},
	}
	if auth := config.Get("auth"); auth.IsNull() {
		opts.AuthFunc = c.auth
	} else {
		opts.Auth = goBytes(auth)
	}
	if c.core, err = core.NewClient(dialer{ws.Dialer(config.Get("url").String(), dialOptions(opts)), c}, opts); err != nil {
		return nil, err
	}
	c.listen(config.Get("notices").Bool())
	for _, m := range methods {
		c.funcs.export(c.methods, m.name, func(args []js.Value) any { return m.run(c, args) })
	}
	c.methods.Set("cells", int(uintptr(unsafe.Pointer(&c.cells))))
	return c, nil
}

// dialOptions let the largest frame come whole, and let all go to the browser at once that may wait for the server: no write
// waits for a timer then.
func dialOptions(opts *core.ClientOptions) *ws.DialOptions {
	const most = 1 << 20 // of a frame, and of what waits, by default
	frame, queue := opts.MaxFrame, opts.QueueBytes
	if frame == 0 {
		frame = most
	}
	if queue == 0 {
		queue = most
	}
	return &ws.DialOptions{QueueBytes: 4<<20 + frame, UnsentBytes: queue}
}

// methods are the methods of a client that the page can call; web/native.d.ts describes them.
var methods = [...]struct {
	name string
	run  func(c *client, args []js.Value) any
}{
	{"begin", (*client).begin},
	{"fits", (*client).fits},
	{"drained", (*client).drained},
	{"cancel", (*client).cancelCall},
	{"refuse", (*client).refuse},
	{"change", (*client).change},
	{"name", (*client).name},
	{"groups", (*client).groups},
	{"refusedGroups", (*client).refusedGroups},
	{"waiting", (*client).waiting},
	{"rtt", (*client).rtt},
	{"retryNow", (*client).retryNow},
	{"offline", (*client).offline},
	{"sessionBytes", (*client).sessionBytes},
	{"endStream", (*client).endStream},
	{"streamProgress", (*client).streamProgress},
	{"detach", (*client).detach},
	{"close", (*client).close},
}

func goMillis(config js.Value, i int) time.Duration {
	return time.Duration(config.Get("retry").Index(i).Int()) * time.Millisecond
}

// measure says how much the client may still send.
func (c *client) measure() {
	if c.core == nil { // it is being made
		return
	}
	free, maxFrame := c.core.Room()
	c.cells.free, c.cells.maxFrame = uint32(max(free, 0)), uint32(maxFrame)
}

// handle does what a record of the page asks for.
func (c *client) handle(r record) error {
	switch r.kind {
	case kindSend:
		return c.sent(r, c.core.SendNow(text(r.name), r.payload, r.flags == 0))
	case kindSendRaw:
		return c.sent(r, c.core.SendRawNow(r.payload, r.flags == 0))
	case kindCall:
		c.call(r.id, r.name, r.payload)
	case kindAnswer:
		c.settle(r.id, answer{payload: append([]byte(nil), r.payload...)})
	case kindOpen:
		c.open(r.id, r.flags, string(r.name), append([]byte(nil), r.payload...))
	default:
		c.handleStream(r)
	}
	return nil
}

// text returns b as a string that is valid as long as b is.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// tell calls a method of the sink, after the events before.
func (c *client) tell(method string, args ...any) {
	c.border.flush()
	c.measure()
	c.sink.Call(method, args...)
}

// goPairs makes a map of keys and values in turn.
func goPairs(a js.Value) map[string]string {
	m := make(map[string]string)
	for i := 0; i+1 < a.Length(); i += 2 {
		m[a.Index(i).String()] = a.Index(i + 1).String()
	}
	return m
}

// run connects, waits for the end, and releases everything.
func (c *client) run() {
	err := c.core.Connect(c.ctx)
	if err == nil {
		c.connected = true
		<-c.core.Done()
		if err = c.core.Err(); core.CodeOf(err) == core.CodeClosed && !core.IsRemote(err) {
			err = nil // the page closed it
		}
	}
	c.cancel()
	for _, e := range c.streams.entries {
		e.value.giveAll()
	}
	c.tell("ended", jsError(err))
	for len(c.streams.entries) > 0 {
		c.streams.entries[0].value.leave()
	}
	c.funcs.release()
}

// listen registers handlers that hand frames to the page. Before the first frame the client waits in its
// state handler for begin. As with any slow handler the server is held back and nothing is lost. A session
// that is detached meanwhile holds the frames.
func (c *client) listen(notices bool) {
	c.core.OnState(func(s core.State, why error) {
		c.tell("state", int(s), c.core.Name(), jsError(why))
		if s == core.StateConnected || s == core.StateResumed {
			<-c.begun
		}
	})
	c.core.OnAny(func(ctx context.Context, _ *core.Conn, f core.Frame) error {
		c.border.put(kindCommand, c.id, 0, flag(core.Replayed(ctx)), f.Command, f.Payload)
		return nil
	})
	c.core.OnMessage(func(ctx context.Context, _ *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			c.border.put(kindRaw, c.id, 0, flag(core.Replayed(ctx)), "", f.Payload)
		}
		return nil
	})
	replay := func(hook string) func(*core.Conn, core.Replay) {
		return func(_ *core.Conn, r core.Replay) {
			c.tell("replay", hook, r.Group, r.Messages, int(r.Missed), r.Lost)
		}
	}
	c.core.OnReplay(replay("replay"))
	c.core.OnReplayed(replay("replayed"))
	c.core.HandleAny(c.called, core.Concurrent())
	c.core.OnAnswer(c.answered)
	c.core.HandlePageStreams(c.streamed)
	changed := func(hook, what, name string) { c.tell("changed", hook, what, name) }
	c.core.OnRename(func(_ *core.Conn, old, name string) { changed("rename", old, name) })
	c.core.OnJoinGroup(func(_ *core.Conn, group string) { changed("joinGroup", group, "") })
	c.core.OnLeaveGroup(func(_ *core.Conn, group string) { changed("leaveGroup", group, "") })
	c.core.OnUndelivered(func(_ *core.Conn, frames []core.Undelivered) {
		list := array.New()
		for _, f := range frames {
			list.Call("push", f.Kind == core.KindRaw, f.Command, jsBytes(f.Payload), f.Written)
		}
		c.tell("undelivered", list)
	})
	c.core.OnMissed(func(_ *core.Conn, n uint64) { c.tell("missed", int(n)) })
	if !notices {
		return
	}
	c.core.OnClientConnect(func(p core.Presence) { c.notice("clientConnect", p, "") })
	c.core.OnClientDisconnect(func(p core.Presence) { c.notice("clientDisconnect", p, "") })
	c.core.OnClientRename(func(old string, p core.Presence) { c.notice("clientRename", p, old) })
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (c *client) notice(hook string, p core.Presence, old string) {
	c.tell("notice", hook, p.Name, jsStrings(p.Groups), p.Addr, old)
}

// called hands a call of the server to the page. It waits for begin, because concurrent handlers do not wait for the
// state handler.
func (c *client) called(ctx context.Context, conn *core.Conn, f core.Frame) ([]byte, error) {
	<-c.begun
	return c.await(ctx, conn, func(id int) { c.border.put(kindCalled, c.id, id, 0, f.Command, f.Payload) })
}

// auth asks the page for its auth.
func (c *client) auth(ctx context.Context) ([]byte, error) {
	return c.await(ctx, nil, func(id int) { c.tell("auth", id) })
}

// await calls ask with a new id, and waits until the page answers under that id or ctx ends. conn is the connection of
// a call, and nil for auth.
func (c *client) await(ctx context.Context, conn *core.Conn, ask func(id int)) ([]byte, error) {
	c.lastID++
	id := c.lastID
	ch := make(chan answer, 1)
	c.served.put(id, ch)
	ask(id)
	select {
	case a := <-ch:
		return a.payload, a.err
	case <-ctx.Done():
		c.served.take(id)
		if conn == nil || conn.Context().Err() == nil { // the page is told of the end of a connection anyway
			c.tell("cancelled", id)
		}
		return nil, ctx.Err()
	}
}

// refuse ends a call of the server, or a request for auth: refuse(id, code, message, retryAfter, details). It does nothing if
// the call or request was given up.
func (c *client) refuse(args []js.Value) any {
	c.settle(args[0].Int(), answer{err: goError(args[1:])})
	return js.Undefined()
}

func (c *client) settle(id int, a answer) {
	if ch, ok := c.served.take(id); ok {
		ch <- a // ch has room for one answer
	}
}

// begin lets frames through.
func (c *client) begin([]js.Value) any {
	if !c.isBegun {
		c.isBegun = true
		close(c.begun)
	}
	return js.Undefined()
}

// sent notes the size of a frame that had no room, for drained, and returns the error.
func (c *client) sent(r record, err error) error {
	const around = 16 // bytes of a frame besides name and payload, at most
	c.lacking = 0
	if core.CodeOf(err) == core.CodeQueueFull {
		c.lacking = len(r.name) + len(r.payload) + around
	}
	return err
}

// fits returns why a frame of so many bytes cannot be sent, or undefined: fits(size).
func (c *client) fits(args []js.Value) any { return jsError(c.core.Fits(args[0].Int())) }

// drained waits for room, also for the frame that was sent last if there was no room for it: drained(id).
func (c *client) drained(args []js.Value) any {
	n := c.lacking
	return c.ask(args[0].Int(), func(ctx context.Context) ([]byte, error) { return nil, c.core.AwaitRoom(ctx, n) })
}

// call starts a call. A goroutine waits only if there is no room for it.
func (c *client) call(id int, name, payload []byte) {
	if c.core.StartCall(id, text(name), payload) {
		return
	}
	command, own := string(name), append([]byte(nil), payload...)
	c.ask(id, func(ctx context.Context) ([]byte, error) { return c.core.CallBytes(ctx, command, own) })
}

// answered tells the page the outcome of a call.
func (c *client) answered(id int, reply []byte, err error) {
	if err != nil {
		go c.tell("settled", id, jsError(err), js.Undefined()) // the caller may hold a lock
		return
	}
	c.border.put(kindSettled, c.id, id, 0, "", reply)
}

// change asks to join a group, to leave a group, or for another name: change(id, how, name).
func (c *client) change(args []js.Value) any {
	how, name := args[1].Int(), args[2].String()
	return c.ask(args[0].Int(), func(ctx context.Context) ([]byte, error) {
		switch how {
		case 0:
			return nil, c.core.Join(ctx, name)
		case 1:
			return nil, c.core.Leave(ctx, name)
		}
		return nil, c.core.Rename(ctx, name)
	})
}

// ask runs do on a new goroutine, and tells the page the result under id.
func (c *client) ask(id int, do func(ctx context.Context) ([]byte, error)) any {
	ctx, cancel := context.WithCancel(c.ctx)
	c.calls.put(id, cancel)
	go func() {
		defer cancel()
		result, err := do(ctx)
		c.calls.take(id)
		if err != nil {
			c.tell("settled", id, jsError(err), js.Undefined())
			return
		}
		c.border.put(kindSettled, c.id, id, 0, "", result)
	}()
	return js.Undefined()
}

// cancelCall gives up a call or a change, here and at the server.
func (c *client) cancelCall(args []js.Value) any {
	id := args[0].Int()
	if cancel, ok := c.calls.take(id); ok {
		cancel()
	} else {
		c.core.GiveUpCall(id)
	}
	return js.Undefined()
}

func (c *client) name([]js.Value) any { return c.core.Name() }

func (c *client) groups([]js.Value) any {
	return jsStrings(c.core.Groups())
}

// refusedGroups returns each group that the client was kept out of, followed by the reason.
func (c *client) refusedGroups([]js.Value) any {
	list := array.New()
	for _, r := range c.core.RefusedGroups() {
		list.Call("push", r.Group, jsError(r.Why))
	}
	return list
}

// waiting returns how many bytes wait to be written, or wait in the browser.
func (c *client) waiting([]js.Value) any {
	conn := c.core.Conn()
	if conn == nil {
		return 0
	}
	n := conn.Stats().Waiting
	if c.stream != nil {
		n += c.stream.Unsent()
	}
	return n
}

// A dialer notes the stream over which the client has connected last.
type dialer struct {
	transport.Dialer
	client *client
}

func (d dialer) Dial(ctx context.Context) (transport.Conn, error) {
	conn, err := d.Dialer.Dial(ctx)
	if err == nil {
		d.client.stream, _ = conn.(interface{ Unsent() int })
	}
	return conn, err
}

// rtt returns the last time to the server and back in milliseconds, or 0 if there is none.
func (c *client) rtt([]js.Value) any {
	if conn := c.core.Conn(); conn != nil {
		return float64(conn.Stats().RTT) / float64(time.Millisecond)
	}
	return 0
}

// retryNow and offline tell the client what the browser says of the network.
func (c *client) retryNow([]js.Value) any {
	c.core.RetryNow()
	return js.Undefined()
}

func (c *client) offline([]js.Value) any {
	c.core.Offline()
	return js.Undefined()
}

// sessionBytes returns the greatest length of the result of detach in bytes, or 0 if there is no session.
func (c *client) sessionBytes([]js.Value) any { return c.core.SessionBytes() }

// detach ends the client and returns its session, if it has one: detach(bye). It waits only for
// goroutines of this program, and no goroutine waits for the page once the stream is closed.
func (c *client) detach(args []js.Value) any {
	detach := c.core.Detach
	if args[0].Bool() {
		detach = c.core.DetachWithGoodbye
	}
	session, err := detach()
	c.begin(nil)
	if err != nil {
		return js.Undefined()
	}
	return jsBytes(session)
}

// close ends the connection in order, or gives up the attempt to make one. Calls that
// wait for the server fail.
func (c *client) close([]js.Value) any {
	c.begin(nil)
	if c.connected {
		go c.core.Close() //nolint:errcheck // nothing to be done about it
	}
	c.cancel()
	return js.Undefined()
}
