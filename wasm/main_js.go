package main

import (
	"syscall/js"

	"github.com/hisock/hisock/core"
)

// host is the object that hisock.js gives to the program. Its method ready is called with the functions of this
// program, and its method error makes a HisockError.
var host = js.Global().Get("hisock")

func main() {
	if host.Type() != js.TypeObject {
		panic("hisock.wasm: not started by hisock.js")
	}
	var p program
	// These functions live as long as the program.
	offer := js.Global().Get("Object").New()
	p.own.export(offer, "connect", p.connect)
	p.own.export(offer, "checkCommand", checkCommand)
	p.own.export(offer, "stats", p.stats)
	p.own.export(offer, "crash", crash)
	host.Call("ready", offer)
	select {}
}

// A program has the state that the clients of one page share. JavaScript makes one call
// at a time, and no goroutine runs meanwhile. The fields need no lock, because no goroutine waits
// while it uses them.
type program struct {
	own     funcs
	clients table[*client]
	lastID  int
}

// connect starts a client: connect(config, sink) returns its methods, or an error.
func (p *program) connect(args []js.Value) any {
	c, err := newClient(args[0], args[1])
	if err != nil {
		return jsError(err)
	}
	p.lastID++
	id := p.lastID
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
