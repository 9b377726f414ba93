package deploy

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/web"
	"github.com/hisock/hisock/ws"
)

// blocks returns the blocks of docs/running-a-cluster.md in a language.
func blocks(t *testing.T, language string) (all []string) {
	page, err := os.ReadFile("../../docs/running-a-cluster.md")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		all = append(all, m[1])
	}
	require.NotEmpty(t, all, language)
	return all
}

// merges put the blocks of a page into the configuration for one server.
var merges = map[string]struct {
	language string
	merge    func(config string, blocks []string) string
}{
	"haproxy": {"haproxy", func(config string, blocks []string) string {
		replaced := regexp.MustCompile(`(?m)^backend \w+\n(?:[\t#].*\n|\n)*`).ReplaceAllString(config+"\n", "")
		return replaced + blocks[0]
	}},
	"nginx": {"nginx", func(config string, blocks []string) string {
		return strings.NewReplacer(
			"http {\n", "http {\n"+blocks[0], "stream {\n", "stream {\n"+blocks[1],
			"proxy_pass http://127.0.0.1:8081;", "proxy_pass http://pages;", "proxy_pass 127.0.0.1:6970;", "proxy_pass native;",
		).Replace(config)
	}},
	"caddy": {"caddy", func(config string, blocks []string) string {
		return config[:strings.Index(config, ":8080 {")] + blocks[0]
	}},
}

// or finds the alternative to the words before it.
var or = regexp.MustCompile(`(?m)^(\t+).*# or: (.*)$`)

// The balancers of the page spread clients over three nodes, or send all clients of an address to one, and leave out a node that goes.
func TestBalancersOfThePage(t *testing.T) {
	t.Parallel()
	for name, m := range merges {
		for _, sticky := range []bool{false, true} {
			kind := map[bool]string{false: "spread", true: "sticky"}[sticky]
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				d := &deployment{proxy: proxies[name]}
				path(t, name)
				text, err := os.ReadFile(d.proxy.config)
				require.NoError(t, err)
				config := m.merge(string(text), blocks(t, m.language))
				if sticky {
					config = or.ReplaceAllString(config, "$1$2")
				}
				nodes := make([]context.CancelFunc, 3)
				for i := range nodes {
					var ports [2]string
					nodes[i], ports = startNode(t, strconv.Itoa(i))
					host := "10.0.0." + strconv.Itoa(i+1)
					config = strings.NewReplacer(
						host+":8081", "127.0.0.1:"+ports[0], host+":6970 send-proxy-v2 check port 8081", "127.0.0.1:"+ports[1]+" send-proxy-v2 check port "+ports[0],
						host+":6970", "127.0.0.1:"+ports[1],
					).Replace(config)
				}
				public, native := exampletest.FreePort(t), exampletest.FreePort(t)
				config = regexp.MustCompile(`\b8080\b`).ReplaceAllString(config, public)
				config = regexp.MustCompile(`\b6969\b`).ReplaceAllString(config, native)
				dir := t.TempDir()
				require.NoError(t, os.Chmod(dir, 0o755))
				if d.edit != nil {
					config = d.edit(config, dir)
				}
				d.config, d.host, d.native = filepath.Join(dir, d.proxy.config), "127.0.0.1:"+public, "127.0.0.1:"+native
				require.NoError(t, os.WriteFile(d.config, []byte(config), 0o600))
				d.start(t)
				t.Cleanup(func() { d.stop(t) })

				for _, over := range d.media() {
					var clients []*core.Client
					at := make(map[string]int)
					for range 6 {
						c := newClient(t, d.dialer(over), core.Retry{First: true, Max: 500 * time.Millisecond})
						require.NoError(t, c.Connect(t.Context()))
						at[where(c)]++
						clients = append(clients, c)
					}
					if sticky {
						require.Len(t, at, 1, "all clients of an address are at one node: %v", at)
					} else {
						require.Greater(t, len(at), 1, "clients are spread: %v", at)
					}
					if over != d.media()[len(d.media())-1] {
						continue
					}
					gone := where(clients[0])
					i, err := strconv.Atoi(gone)
					require.NoError(t, err)
					nodes[i]()
					for _, c := range clients {
						require.Eventually(t, func() bool { id := where(c); return id != "" && id != gone }, exampletest.Patience, 20*time.Millisecond)
					}
				}
			})
		}
	}
}

// where returns the node that a client is at, or nothing.
func where(c *core.Client) string {
	ctx, cancel := context.WithTimeout(context.Background(), exampletest.Patience)
	defer cancel()
	id, _ := core.Call[string](ctx, c, "where", nil) //nolint:errcheck // it is at none then
	return id
}

// startNode starts a server, and returns what stops it and its ports for browsers and for native clients.
func startNode(t *testing.T, id string) (stop context.CancelFunc, ports [2]string) {
	o := &core.ServerOptions{Logger: core.Silent}
	o.Timeouts.RestartAfter = 100 * time.Millisecond
	srv, err := core.NewServer(o)
	require.NoError(t, err)
	core.Handle(srv, "where", func(context.Context, *core.Conn, struct{}) (string, error) { return id, nil })
	ports = [2]string{exampletest.FreePort(t), exampletest.FreePort(t)}
	trusted := []string{"127.0.0.1"}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	site := &web.Site{
		HTTP: "127.0.0.1:" + ports[0], WSOptions: &ws.Options{Proxies: trusted},
		TCP: "127.0.0.1:" + ports[1], TCPOptions: &tcp.Options{Proxies: trusted},
		Files: fstest.MapFS{"index.html": {Data: []byte("a page")}}, Health: "/healthz", Ready: func([]string) { close(ready) },
	}
	go func() { ended <- web.Serve(ctx, srv, site) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}
	return cancel, ports
}

// Each Go snippet of the page compiles.
func TestTheGoOfTheClusterPageCompiles(t *testing.T) {
	bodies := exampletest.Go(t, "../../docs/running-a-cluster.md")
	require.NotEmpty(t, bodies)
	exampletest.Snippets{Given: given, Packages: imported}.Vet(t, bodies)
}
