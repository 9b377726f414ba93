package main

import (
	"strings"
	"testing"

	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience bounds the wait for an event that must come.
const patience = exampletest.Patience

// start runs the program, and writes lines to its input.
func start(t *testing.T, args []string, lines ...string) *exampletest.Program {
	t.Helper()
	p := exampletest.Start(t, run, args...)
	p.Say(lines...)
	return p
}

// startServer starts a server on a free port, and returns the port.
func startServer(t *testing.T) (p *exampletest.Program, port string) {
	t.Helper()
	p = start(t, []string{"server"}, "", "0")
	addr := p.Prints(`Serving at (127\.0\.0\.1:\d+)\.`)[0]
	return p, addr[strings.LastIndexByte(addr, ':')+1:]
}
