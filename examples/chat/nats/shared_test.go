package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/chat/app"
	"github.com/hisock/hisock/examples/internal/exampletest"
)

func start(t *testing.T, args ...string) *exampletest.Program {
	t.Helper()
	return exampletest.Start(t, app.Program{Open: open}.Run, args...)
}

// A node is a chat that is one with others.
type node struct {
	*exampletest.Program
	tcp, http string // URLs
	nats      string // what another node joins with
}

func startNode(t *testing.T, nats, name string) *node {
	t.Helper()
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", exampletest.FakeBundle(t), "-nats", nats, "-node", name)
	p.Sees("Press Ctrl-C to close it.")
	p.Sees("  this node       " + name)
	return &node{
		Program: p,
		tcp:     p.Prints(`(tcp://\S+)`)[0],
		http:    p.Prints(`in a browser +(http://\S+)`)[0],
		nats:    p.Prints(`another node .*-nats (\S+)`)[0],
	}
}

// joins starts a terminal client and waits until it is in the chat.
func (n *node) joins(t *testing.T, name string) *exampletest.Program {
	t.Helper()
	p := start(t, "-join", n.tcp, "-name", name)
	p.Prints(`(\* here: .*` + name + ` \(you\))`)
	return p
}

// health returns the status of the health check.
func (n *node) health(t *testing.T) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(n.http + "/healthz")
	require.NoError(t, err)
	res.Body.Close()
	return res.StatusCode
}
