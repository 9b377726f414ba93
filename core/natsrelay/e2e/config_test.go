package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/natsrelay"
)

// Three nats-servers with the configuration in docs/running-a-cluster.md are a cluster, in which a node may do what it must, and no more.
func TestConfigurationOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/running-a-cluster.md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)```nats\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, found)
	t.Setenv("NODE_PASSWORD", "secret")
	const servers = 3
	var ports, routes [servers]string
	for i := range servers {
		ports[i], routes[i] = strconv.Itoa(freePort(t)), strconv.Itoa(freePort(t))
	}
	var urls []string
	var running []*server.Server
	for i := range servers {
		edit := []string{
			"server_name: s1", "server_name: s" + strconv.Itoa(i+1), "port: 4222", "listen: 127.0.0.1:" + ports[i],
			"port: 6222", "listen: 127.0.0.1:" + routes[i], "/var/lib/nats", t.TempDir(),
		}
		for k := range servers {
			edit = append(edit, "s"+strconv.Itoa(k+1)+":6222", "127.0.0.1:"+routes[k])
		}
		file := filepath.Join(t.TempDir(), "nats.conf")
		require.NoError(t, os.WriteFile(file, []byte(strings.NewReplacer(edit...).Replace(string(found[1]))), 0o600))
		o, err := server.ProcessConfigFile(file)
		require.NoError(t, err)
		o.NoLog, o.NoSigs = true, true
		s, err := server.NewServer(o)
		require.NoError(t, err)
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		running = append(running, s)
		urls = append(urls, "nats://127.0.0.1:"+ports[i])
	}
	Until(t, "JetStream has a leader", func() bool {
		for _, s := range running {
			if s.JetStreamIsLeader() {
				return true
			}
		}
		return false
	})
	r, err := natsrelay.New(natsrelay.Options{Servers: urls, Replicas: servers, NATS: []nats.Option{nats.UserInfo("node", "secret")}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var nodes [2]core.RelayNode
	var heard [2]hearing
	for i := range nodes {
		heard[i] = make(hearing, 1)
		nodes[i], err = r.Join(ctx, "n"+strconv.Itoa(i), heard[i])
		require.NoError(t, err)
		defer nodes[i].Close(ctx) //nolint:errcheck // it is the end
		require.NoError(t, nodes[i].Subscribe("t"))
	}
	Until(t, "a claim is made", func() bool {
		mine, _, err := nodes[0].Claim(ctx, "k", nil)
		return err == nil && mine
	})
	Until(t, "a message comes", func() bool {
		nodes[0].Publish([]core.RelayMessage{{Topic: "t"}}) //nolint:errcheck // tried again
		return len(heard[1]) > 0
	})
	keep, err := natsrelay.NewHistory(natsrelay.HistoryOptions{Servers: urls, Replicas: servers, NATS: []nats.Option{nats.UserInfo("node", "secret")}})
	require.NoError(t, err)
	parts := make(appending, 16)
	log, err := keep.Open(ctx, "n", core.HistoryRules{Messages: 10, Bytes: 1 << 20}, parts)
	require.NoError(t, err)
	defer log.Close(ctx) //nolint:errcheck // it is the end
	require.NoError(t, log.Follow("g"))
	Until(t, "what is kept can be read", func() bool {
		_, err := log.Read(ctx, "g", 0, 0)
		return err == nil
	})
	require.NoError(t, log.Append(ctx, []core.HistoryMessage{{Group: "g", ID: "i", Data: []byte("kept")}}))
	require.Equal(t, [][]byte{[]byte("kept")}, (<-parts).Messages)
	require.NoError(t, log.Forget(ctx, "g"))
	_, err = nats.Connect(urls[0])
	require.ErrorIs(t, err, nats.ErrAuthorization)
	denied := make(chan error, 1)
	nc, err := nats.Connect(urls[0], nats.UserInfo("node", "secret"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish("other.t", nil))
	require.NoError(t, nc.Flush())
	require.ErrorIs(t, <-denied, nats.ErrPermissionViolation)
}

// A hearing is a handler that has an element once a message has come.
type hearing chan struct{}

func (h hearing) Message(string, []byte) {
	select {
	case h <- struct{}{}:
	default:
	}
}
func (hearing) Up()         {}
func (hearing) Down(error)  {}
func (hearing) Lost(int)    {}
func (hearing) ClaimsLost() {}

// An appending is a handler that has the parts that were appended.
type appending chan core.HistoryPart

func (a appending) Appended(_ string, p core.HistoryPart) {
	p.Messages = append([][]byte(nil), p.Messages...)
	for i, m := range p.Messages {
		p.Messages[i] = append([]byte(nil), m...)
	}
	if len(p.Messages) > 0 {
		a <- p
	}
}
func (appending) Missed() {}
