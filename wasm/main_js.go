package main

import (
	"runtime"
	"syscall/js"
	"unsafe"

	"github.com/hisock/hisock/core"
)

// host is the object that hisock.js gives to the program. Its method ready is called with the functions of this
// program, and its method error makes a HisockError.
var host = js.Global().Get("hisock")

func main() {
	if host.Type() != js.TypeObject {
		panic("hisock.wasm: not started by hisock.js")
	}
	p := new(program)
	p.border.init(host.Get("deliver"))
	// These functions live as long as the program.
	offer := js.Global().Get("Object").New()
	p.own.export(offer, "connect", p.connect)
	p.own.export(offer, "checkCommand", checkCommand)
	p.own.export(offer, "stats", p.stats)
	p.own.export(offer, "crash", crash)
	p.own.export(offer, "cross", p.cross)
	p.own.export(offer, "reserve", p.reserve)
	offer.Set("cells", int(uintptr(unsafe.Pointer(&p.border.cells))))
	host.Call("ready", offer)
	p.run()
}

// A program has the state that the clients of one page share. JavaScript makes one call
// at a time, and no goroutine runs meanwhile. The fields need no lock, because no goroutine waits
// while it uses them.
type program struct {
	own     funcs
	border  border
	clients table[*client]
}

// run hands records to the page as soon as no other goroutine can go on: then all that has come of one message from the server, or
// of one batch of the page, crosses at once.
func (p *program) run() {
	for range p.border.wake {
		runtime.Gosched()
		p.border.woken = false
		p.measure()
		p.border.flush()
	}
}

// measure says how much each client may still send.
func (p *program) measure() {
	for _, e := range p.clients.entries {
		e.value.measure()
	}
}

// cross takes the records that the page has written. It returns an error of the last one, if it asks for that.
func (p *program) cross([]js.Value) any {
	result := js.Undefined()
	p.border.take(func(r record) {
		c, ok := p.clients.find(r.client)
		if !ok {
			return
		}
		if err := c.handle(r); err != nil && r.flags == 1 {
			result = jsError(err)
		}
	})
	p.measure()
	return result
}

// reserve makes room for a record of so many bytes, which is longer than others: reserve(size).
func (p *program) reserve(args []js.Value) any {
	p.border.setIn(args[0].Int())
	return js.Undefined()
}

// connect starts a client: connect(config, sink, id) returns its methods, or an error.
func (p *program) connect(args []js.Value) any {
	id := args[2].Int()
	c, err := newClient(p, id, args[0], args[1])
	if err != nil {
		return jsError(err)
	}
	p.clients.put(id, c)
	go func() {
		c.run()
		p.clients.take(id)
	}()
	return c.methods
}

// stats returns the numbers of clients and callbacks that are alive.
func (p *program) stats([]js.Value) any {
	callbacks := 0
	for _, e := range p.clients.entries {
		callbacks += len(e.value.funcs.list)
	}
	counts := js.Global().Get("Object").New()
	counts.Set("clients", len(p.clients.entries))
	counts.Set("callbacks", callbacks)
	return counts
}

// checkCommand returns why the name of a command is invalid, or undefined.
func checkCommand(args []js.Value) any { return jsError(core.CheckCommand(args[0].String())) }

// crash ends the program with a panic, for tests of how the page handles that.
func crash([]js.Value) any {
	go panic("hisock.wasm: crash asked for")
	return js.Undefined()
}
