package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/hisock/hisock/examples/bench/report"
)

// A contestant is a server and the protocol that the load speaks to it.
type contestant struct {
	name     string
	protocol string
	module   string // module or npm package of the library; empty for servers of this repository
	script   string // file in nodeDir of a server that runs in Node; empty for others
	groups   bool   // it does the work with many groups
	only     string // name of the only work, or page of the only works, that it does; empty if it does all
	client   string // its name in package client if its client is measured; empty otherwise
	to       string // name of the contestant to whose server its client speaks; empty for its own
	stream   string // its name in package stream if its streams are measured; empty otherwise
	bytes    bool   // it streams bytes too
}

// contestants are in the order in which each round runs them.
var contestants = []contestant{
	{name: report.Floor, protocol: "floor", groups: true, client: "by hand", to: "hisock/tcp", stream: "by hand", bytes: true},
	{name: "floor-singly", protocol: "floor", groups: true, only: "groups"},
	{name: "hisock/tcp", protocol: "hisock/tcp", groups: true, client: "hisock/tcp", stream: "hisock/tcp", bytes: true},
	{name: "hisock/ws", protocol: "hisock/ws", groups: true, client: "hisock/ws", stream: "hisock/ws", bytes: true},
	{name: "commands/tcp", only: streamPage, stream: "commands/tcp"},
	{name: "commands/ws", only: streamPage, stream: "commands/ws"},
	{name: "grpc", module: "google.golang.org/grpc", only: streamPage, stream: "grpc", bytes: true},
	{name: "nhooyr", protocol: "websocket", module: "nhooyr.io/websocket", groups: true},
	{name: "gws", protocol: "websocket", module: "github.com/lxzan/gws", groups: true},
	{name: "gorilla", protocol: "websocket", module: "github.com/gorilla/websocket", groups: true, client: "gorilla", to: "gobwas"},
	{name: "gobwas", protocol: "websocket", module: "github.com/gobwas/ws", groups: true},
	{name: "melody", protocol: "websocket", module: "github.com/olahol/melody"},
	{name: "centrifuge", protocol: "centrifuge", module: "github.com/centrifugal/centrifuge", groups: true},
	{name: "nats", protocol: "nats", module: "github.com/nats-io/nats-server/v2", groups: true, client: "nats.go", stream: "nats.go"},
	{name: "ws (Node)", protocol: "websocket", module: "ws", script: "ws.js", groups: true},
	{name: "Socket.IO", protocol: "socket.io", module: "socket.io", script: "socketio.js", groups: true},
}

// nodeDir is the folder of the servers that run in Node.
const nodeDir = "node"

// command returns the command that starts the contestant's server.
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

// installNode installs the npm packages of a folder, unless they are there.
func installNode(dir string, log io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil {
		return nil
	}
	fmt.Fprintln(log, "installing the npm packages of", dir)
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir, npm.Stdout, npm.Stderr = dir, log, log
	if err := npm.Run(); err != nil {
		return fmt.Errorf("npm ci in %s: %w", dir, err)
	}
	return nil
}

// hasStream reports whether its streams are measured, hasBytes whether streams of bytes are.
func (c contestant) hasStream() bool { return c.stream != "" }
func (c contestant) hasBytes() bool  { return c.bytes }

// hasClient reports whether its client is measured.
func (c contestant) hasClient() bool { return c.client != "" }

// hasMemory reports whether it does the work that measures the memory of used connections. That work takes long, so
// only some contestants do it.
func (c contestant) hasMemory() bool {
	return c.isHisock() || c.name == "gobwas" || c.name == "gorilla"
}

// isHisock reports whether a contestant is the floor or this library. Only these do some of the works.
func (c contestant) isHisock() bool {
	return slices.Contains([]string{report.Floor, "hisock/tcp", "hisock/ws"}, c.name)
}
