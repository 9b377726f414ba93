// Package deploy tests the configurations of this folder with their proxies.
package deploy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/web"
	"github.com/hisock/hisock/ws"
)

// A proxy is a program with a configuration in this folder.
type proxy struct {
	config  string
	command func(config string) []string
	edit    func(config, dir string) string // changes the configuration for a test
	tcp     bool                            // the proxy passes on native clients
}

var proxies = map[string]proxy{
	"nginx": {
		config:  "nginx.conf",
		command: func(config string) []string { return []string{"nginx", "-e", "stderr", "-c", config} },
		edit: func(config, dir string) string {
			inHTTP := "http {\n\taccess_log off;\n"
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				inHTTP += fmt.Sprintf("\t%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
			}
			return "daemon off;\npid " + filepath.Join(dir, "pid") + ";\n" + strings.Replace(config, "http {\n", inHTTP, 1)
		},
		tcp: true,
	},
	"haproxy": {
		config:  "haproxy.cfg",
		command: func(config string) []string { return []string{"haproxy", "-db", "-f", config} },
		edit: func(config, _ string) string { // it takes more descriptors than a test may have
			return strings.Replace(config, "maxconn 65536", "maxconn 100", 1)
		},
		tcp: true,
	},
	"caddy": {
		config: "Caddyfile",
		command: func(config string) []string {
			return []string{"caddy", "run", "--config", config, "--adapter", "caddyfile"}
		},
	},
}

// path returns the path of a program, also if it is in a folder that only root has in its PATH.
func path(t *testing.T, name string) string {
	for _, try := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(try); err == nil {
			return found
		}
	}
	if os.Getenv("HISOCK_ALL_PROXIES") != "" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed: make setup installs it on Debian", name)
	return ""
}

// A deployment is a proxy in front of a server.
type deployment struct {
	proxy
	config  string // file of the configuration
	host    string // host of the proxy, for browsers
	native  string
	srv     *core.Server
	running *exec.Cmd
	said    *bytes.Buffer
}

// deploy starts a server and a proxy in front of it.
func deploy(t *testing.T, name string) *deployment {
	p := proxies[name]
	path(t, name)
	text, err := os.ReadFile(p.config)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	d := &deployment{proxy: p, config: filepath.Join(dir, p.config)}
	ports := map[string]string{"8080": exampletest.FreePort(t), "8081": exampletest.FreePort(t), "6969": exampletest.FreePort(t), "6970": exampletest.FreePort(t)}
	changed := regexp.MustCompile(`\b(8080|8081|6969|6970)\b`).ReplaceAllStringFunc(string(text),
		func(port string) string { return ports[port] })
	if p.edit != nil {
		changed = p.edit(changed, dir)
	}
	require.NoError(t, os.WriteFile(d.config, []byte(changed), 0o600))
	d.host, d.native = "127.0.0.1:"+ports["8080"], "127.0.0.1:"+ports["6969"]

	d.srv = newServer(t)
	trusted := []string{"127.0.0.1"}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	site := &web.Site{
		TCP:        "127.0.0.1:" + ports["6970"],
		HTTP:       "127.0.0.1:" + ports["8081"],
		TCPOptions: &tcp.Options{Proxies: trusted},
		WSOptions:  &ws.Options{Proxies: trusted},
		Files:      fstest.MapFS{"index.html": {Data: []byte("a page")}},
		Health:     "/healthz",
		Ready:      func([]string) { close(ready) },
	}
	go func() { ended <- web.Serve(ctx, d.srv, site) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	d.start(t)
	t.Cleanup(func() { d.stop(t) })
	return d
}

// start starts the proxy and waits until a page comes through it.
func (d *deployment) start(t *testing.T) {
	args := d.command(d.config)
	d.running = exec.Command(path(t, args[0]), args[1:]...)
	d.said = new(bytes.Buffer)
	d.running.Stdout, d.running.Stderr = d.said, d.said
	d.running.Dir = filepath.Dir(d.config)
	d.running.Env = append(os.Environ(), "HOME="+d.running.Dir)
	require.NoError(t, d.running.Start())
	for range 1000 {
		res, err := http.Get("http://" + d.host + "/")
		if err == nil {
			res.Body.Close() //nolint:errcheck // only its status counts
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.stop(t)
	t.Fatalf("the proxy does not serve: %s", d.said)
}

// stop ends the proxy, and the connections through it, at once.
func (d *deployment) stop(t *testing.T) {
	require.NoError(t, d.running.Process.Signal(os.Interrupt))
	d.running.Wait() //nolint:errcheck // it was interrupted
}

// from dials from another local address than the proxy, so that the two addresses differ.
func from(ip string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
}

// dialer returns a dialer to the proxy that sends false claims about the client.
func (d *deployment) dialer(over string) transport.Dialer {
	if over == "tcp" {
		return tcp.Dialer(d.native, &tcp.Options{DialContext: from("127.0.0.2")})
	}
	return ws.Dialer("ws://"+d.host+"/ws", &ws.DialOptions{
		DialContext: from("127.0.0.2"),
		Header: http.Header{
			"Origin":          {"http://" + d.host},
			"X-Forwarded-For": {"10.9.8.7"},
			"Forwarded":       {"for=10.9.8.7"},
			"X-Real-Ip":       {"10.9.8.7"},
		},
	})
}

// newServer makes a server that returns the address of a client.
func newServer(t *testing.T) *core.Server {
	srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent})
	require.NoError(t, err)
	core.Handle(srv, "addr", func(_ context.Context, c *core.Conn, _ struct{}) (string, error) { return c.Addr(), nil })
	core.Handle(srv, "echo", func(_ context.Context, _ *core.Conn, text string) (string, error) { return text, nil })
	return srv
}

func newClient(t *testing.T, d transport.Dialer, retry core.Retry) *core.Client {
	c, err := core.NewClient(d, &core.ClientOptions{Retry: retry, Logger: core.Silent})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // it may be closed by then
	return c
}

func (d *deployment) media() []string {
	if d.tcp {
		return []string{"ws", "tcp"}
	}
	return []string{"ws"}
}

// Clients reach the server, and the server sees the clients' own addresses.
func TestClientsBehindProxies(t *testing.T) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, name)
			for _, over := range d.media() {
				c := newClient(t, d.dialer(over), core.Retry{})
				require.NoError(t, c.Connect(t.Context()))
				addr, err := core.Call[string](t.Context(), c, "addr", nil)
				require.NoError(t, err)
				host, _, found := strings.Cut(addr, ":") // X-Forwarded-For has no port
				require.Equal(t, over == "tcp", found, addr)
				require.Equal(t, "127.0.0.2", host, over)
				big := strings.Repeat("x", 900<<10)
				got, err := core.Call[string](t.Context(), c, "echo", big)
				require.NoError(t, err)
				require.Equal(t, big, got, "it comes whole")
			}
		})
	}
}

// Pages of another host are refused, and pages of the proxy's host are let in.
func TestOriginsBehindProxies(t *testing.T) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, name)
			for origin, lets := range map[string]bool{"http://" + d.host: true, "http://evil.example": false} {
				dialer := ws.Dialer("ws://"+d.host+"/ws", &ws.DialOptions{Header: http.Header{"Origin": {origin}}})
				c := newClient(t, dialer, core.Retry{Off: true})
				err := c.Connect(t.Context())
				require.Equal(t, lets, err == nil, "%s: %v", origin, err)
			}
		})
	}
}

// No message is lost if the proxy restarts.
func TestProxyRestarts(t *testing.T) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, name)
			for _, over := range d.media() {
				got, states := make(chan int, 100), make(chan core.State, 100)
				c := newClient(t, d.dialer(over), core.Retry{})
				core.On(c, "n", func(_ context.Context, _ *core.Conn, n int) error {
					got <- n
					return nil
				})
				c.OnState(func(s core.State, _ error) { states <- s })
				require.NoError(t, c.Connect(t.Context()))
				var conn *core.Conn
				for conn = range d.srv.Clients() {
				}
				require.Equal(t, core.StateConnected, <-states)
				_, err := core.Call[string](t.Context(), c, "echo", "hi") // it has come in for good
				require.NoError(t, err)
				d.stop(t)
				for n := range 50 {
					require.NoError(t, conn.Send("n", n))
				}
				require.Equal(t, core.StateReconnecting, <-states)
				d.start(t)
				require.Equal(t, core.StateResumed, <-states)
				for n := range 50 {
					require.Equal(t, n, <-got)
				}
				require.NoError(t, c.Close())
				<-conn.Done()
			}
		})
	}
}
