package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/hisock/hisock/examples/bench/report"
)

// A contestant is a server and the protocol in which it is spoken to.
type contestant struct {
	name     string
	protocol string
	script   string // of those that run in Node
	groups   bool   // it does the work with many groups
}

// contestants are in the order in which each round runs them.
var contestants = []contestant{
	{name: report.Floor, protocol: "floor", groups: true},
	{name: "hisock/tcp", protocol: "hisock/tcp", groups: true},
	{name: "hisock/ws", protocol: "hisock/ws", groups: true},
	{name: "nhooyr", protocol: "websocket", groups: true},
	{name: "gws", protocol: "websocket", groups: true},
	{name: "gorilla", protocol: "websocket", groups: true},
	{name: "gobwas", protocol: "websocket", groups: true},
	{name: "melody", protocol: "websocket"},
	{name: "centrifuge", protocol: "centrifuge", groups: true},
	{name: "nats", protocol: "nats", groups: true},
	{name: "ws (Node)", protocol: "websocket", script: "ws.js", groups: true},
	{name: "Socket.IO", protocol: "socket.io", script: "socketio.js", groups: true},
}

// nodeDir is where the servers are that run in Node.
const nodeDir = "node"

// command is how a contestant's server is started.
func (c contestant) command(profile string) ([]string, error) {
	if c.script != "" {
		node, err := exec.LookPath("node")
		return []string{node, "--expose-gc", filepath.Join(nodeDir, c.script)}, err
	}
	exe, err := os.Executable()
	command := []string{exe, "serve"}
	if profile != "" {
		command = append(command, "-profile", profile)
	}
	return append(command, c.name), err
}

// isHisock says whether a contestant is the floor or this library: those of some further work.
func (c contestant) isHisock() bool {
	return slices.Contains([]string{report.Floor, "hisock/tcp", "hisock/ws"}, c.name)
}
