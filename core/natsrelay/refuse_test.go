package natsrelay

import (
	"bufio"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// allowed returns options of a server whose only user, ada, may publish and subscribe to some subjects.
func allowed(publish, subscribe *server.SubjectPermission) server.Options {
	may := &server.Permissions{Publish: publish, Subscribe: subscribe}
	return server.Options{Users: []*server.User{{Username: "ada", Password: "right", Permissions: may}}}
}

// asAda returns a relay for ada.
func asAda(t *testing.T, s *server.Server, o Options) *Relay {
	o.Servers = []string{s.ClientURL()}
	o.NATS = []nats.Option{nats.UserInfo("ada", "right")}
	return newRelay(t, o)
}

// documented returns the subjects of a line in the package's comment, for a prefix a.b_c.
func documented(lines ...string) *server.SubjectPermission {
	var all []string
	for _, subject := range lines {
		all = append(all, strings.NewReplacer("KV_p", "KV_a_-b__c", "$KV.p.", "$KV.a_-b__c.", "p.*", "a.b_c.*").Replace(subject))
	}
	return &server.SubjectPermission{Allow: all}
}

func TestPermissionsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	s := startServer(t, allowed(
		documented("p.*", "$KV.p.>", "$JS.API.STREAM.INFO.KV_p", "$JS.API.STREAM.CREATE.KV_p", "$JS.API.STREAM.MSG.GET.KV_p",
			"$JS.API.CONSUMER.*.KV_p.>", "$JS.API.CONSUMER.MSG.NEXT.KV_p.>"),
		documented("p.*", "_INBOX.>")))
	r := asAda(t, s, Options{Prefix: "a.b_c"})
	a, la := joinNode(t, r, "a")
	b, lb := joinNode(t, r, "b")
	require.NoError(t, b.Subscribe("t"))
	until(t, "both are up", func() bool { return la.ups.Load() == 1 && lb.ups.Load() == 1 })
	_, err := a.Publish([]core.RelayMessage{{Topic: "t", Payload: []byte("hello")}})
	require.NoError(t, err)
	until(t, "it arrives", func() bool { return lb.has("hello") })
	mustClaim(t, a, "k", "v")
	held, ok, err := b.Lookup(waiting(t), "k")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v", string(held))
	require.NoError(t, a.Close(waiting(t)))
	removed, err := b.sweep(waiting(t))
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	mustClaim(t, b, "k", "b")
	require.NoError(t, b.Release(waiting(t), "k"))
	require.NoError(t, b.nats().Flush())
	require.NoError(t, b.nats().LastError())
	require.Zero(t, lb.downs.Load())
}

func TestRefusedTopicKeepsANodeDown(t *testing.T) {
	t.Parallel()
	s := startServer(t, allowed(nil, &server.SubjectPermission{Deny: []string{"hisock.secret"}}))
	n, l := joinNode(t, asAda(t, s, Options{Lease: shortLease}), "n")
	require.NoError(t, n.Subscribe("t"))
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	require.NoError(t, n.Subscribe("secret"))
	until(t, "it is down", func() bool { return l.downs.Load() == 1 })
	require.ErrorIs(t, l.reason(), nats.ErrPermissionViolation)
	require.ErrorIs(t, l.reason(), ErrDown)
	_, err := n.Publish([]core.RelayMessage{{Topic: "t"}})
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	until(t, "it has tried again", func() bool { return n.nats().Stats().Reconnects > 1 })
	require.EqualValues(t, 1, l.ups.Load())
	require.EqualValues(t, 1, l.downs.Load())
	require.NoError(t, n.Unsubscribe("secret"))
	until(t, "it is up again", func() bool { return l.ups.Load() == 2 })
	require.NoError(t, connectAs(t, s).Publish("hisock.t", []byte("hello")))
	until(t, "messages come", func() bool { return l.has("hello") })
}

// A node that may not publish on a topic is down until it may, and does not go up and down meanwhile.
func TestRefusedPublicationKeepsANodeDown(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	o := allowed(&server.SubjectPermission{Deny: []string{"hisock.secret", "hisock.other"}}, nil)
	o.Port = port
	s := startServer(t, o)
	n, l := joinNode(t, asAda(t, s, Options{Lease: shortLease}), "n")
	_, heard := joinNode(t, asAda(t, s, Options{}), "m")
	until(t, "both are up", func() bool { return l.ups.Load() == 1 && heard.ups.Load() == 1 })
	_, err := n.Publish([]core.RelayMessage{{Topic: "t"}, {Topic: "secret"}, {Topic: "other"}})
	require.NoError(t, err, "NATS says no later")
	until(t, "it is down", func() bool { return l.downs.Load() > 0 })
	require.ErrorIs(t, l.reason(), nats.ErrPermissionViolation)
	until(t, "it has tried again", func() bool { return n.nats().Stats().Reconnects > 2 })
	require.EqualValues(t, 1, l.ups.Load())
	_, err = n.Publish([]core.RelayMessage{{Topic: "t"}})
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	s.Shutdown()
	s.WaitForShutdown()
	o = allowed(nil, nil)
	o.Port = port
	s = startServer(t, o)
	heart := connectAs(t, s)
	trials, err := heart.SubscribeSync("hisock.secret")
	require.NoError(t, err)
	until(t, "it is up", func() bool { return l.ups.Load() == 2 })
	_, err = n.Publish([]core.RelayMessage{{Topic: "secret", Payload: []byte("hello")}})
	require.NoError(t, err)
	until(t, "it arrives", func() bool {
		m, err := trials.NextMsg(patience)
		require.NoError(t, err)
		return string(m.Data) == "hello"
	})
	require.EqualValues(t, 2, l.ups.Load())
}

// A node makes another connection when NATS' client has closed its own for good.
func TestConnectionThatIsClosedForGood(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}, Lease: shortLease})
	n, l := joinNode(t, r, "n")
	other, lo := joinNode(t, r, "other")
	require.NoError(t, n.Subscribe("before"))
	until(t, "both are up", func() bool { return l.ups.Load() == 1 && lo.ups.Load() == 1 })
	mustClaim(t, n, "k", "v")
	n.nats().Close()
	until(t, "it is down", func() bool { return l.downs.Load() == 1 })
	require.NoError(t, n.Subscribe("meanwhile"), "it is noted")
	until(t, "it is up again", func() bool { return l.ups.Load() == 2 })
	_, err := other.Publish([]core.RelayMessage{{Topic: "before", Payload: []byte("1")}, {Topic: "meanwhile", Payload: []byte("2")}})
	require.NoError(t, err)
	until(t, "both arrive", func() bool { return l.has("1") && l.has("2") })
	require.NoError(t, n.Subscribe("after"))
	require.NoError(t, n.Unsubscribe("before"))
	mustClaim(t, n, "k", "w")
	mine, held, err := other.Claim(waiting(t), "k", nil)
	require.NoError(t, err)
	require.False(t, mine)
	require.Equal(t, "w", string(held))
}

func TestTooManySubscriptionsKeepANodeDown(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{MaxSubs: 4})
	n, l := joinNode(t, newRelay(t, Options{Servers: []string{s.ClientURL()}}), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	for i := range 4 { // another one is for answers
		require.NoError(t, n.Subscribe("t"+strconv.Itoa(i)))
	}
	until(t, "it is down", func() bool { return l.downs.Load() == 1 })
	require.ErrorIs(t, l.reason(), nats.ErrMaxSubscriptionsExceeded)
}

func TestRefusedClaimsSayWhy(t *testing.T) {
	t.Parallel()
	s := startServer(t, allowed(&server.SubjectPermission{Deny: []string{"$JS.API.>"}}, nil))
	n, l := joinNode(t, asAda(t, s, Options{Lease: shortLease}), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	until(t, "the reason is told", func() bool {
		_, _, err := n.Claim(waiting(t), "k", nil)
		require.ErrorIs(t, err, ErrUndecided)
		return errors.Is(err, nats.ErrPermissionViolation)
	})
	require.Zero(t, l.downs.Load())
}

func TestNATSTakesSmallPayloadsLater(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRelay(t, Options{Servers: []string{"nats://127.0.0.1:" + strconv.Itoa(port)}, MaxPayload: 2 << 20})
	n, l := joinNode(t, r, "n")
	small := startServer(t, server.Options{Port: port})
	until(t, "the reason is told", func() bool { return l.downs.Load() == 1 })
	require.ErrorIs(t, l.reason(), ErrDown)
	require.ErrorIs(t, l.reason(), ErrOptions)
	_, err := n.Publish([]core.RelayMessage{{Topic: "t"}})
	require.ErrorIs(t, err, ErrOptions)
	require.Zero(t, l.ups.Load())
	small.Shutdown()
	small.WaitForShutdown()
	startServer(t, server.Options{Port: port, MaxPayload: 4 << 20})
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	require.NoError(t, n.unfit())
}

// A server may say what NATS' client does not know, and ends the connection for.
func TestUnknownErrorKeepsANodeDown(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	odd := make(chan struct{})
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		say := func(line string) { c.Write([]byte(line + "\r\n")) } //nolint:errcheck // the test fails
		say(`INFO {"server_id":"x","version":"2.11.0","proto":1,"headers":true,"max_payload":1048576}`)
		go func() {
			<-odd
			say("-ERR 'the moon is full'")
		}()
		for lines := bufio.NewScanner(c); lines.Scan(); {
			if lines.Text() == "PING" {
				say("PONG")
			}
		}
	}()
	_, l := joinNode(t, newRelay(t, Options{Servers: []string{"nats://" + ln.Addr().String()}, Lease: shortLease}), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	close(odd)
	until(t, "it is down", func() bool { return l.downs.Load() == 1 })
	require.ErrorIs(t, l.reason(), ErrDown)
	require.ErrorContains(t, l.reason(), "the moon is full")
}

// connectAs returns a connection of ada.
func connectAs(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("ada", "right"), nats.Timeout(30*time.Second))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}
