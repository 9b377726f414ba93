package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func TestTwoChatsOverNATSAreOne(t *testing.T) {
	t.Parallel()
	a := startNode(t, "embedded:0", "alpha")
	ada := a.joins(t, "ada")
	ada.Say("is somebody here?")
	b := startNode(t, a.nats, "beta")
	require.Regexp(t, `^nats://127\.0\.0\.1:[1-9]`, a.nats)
	require.Equal(t, a.nats, b.nats)
	bob := b.joins(t, "bob")
	bob.Sees("* you are at node beta")
	bob.Sees("ada: is somebody here?") // though beta was not there
	ada.Sees("* bob joined")
	bob.Say("yes")
	ada.Sees("bob: yes")
	ada.Say("good")
	bob.Sees("ada: good")

	other := start(t, "-join", b.tcp, "-name", "ada")
	require.Equal(t, 1, other.Wait())
	require.Contains(t, other.Err.String(), "already")
	cleo := b.joins(t, "cleo")
	require.Contains(t, cleo.Out.Lines()[0], "ada")
	cleo.Sees("ada: good") // from before
	cleo.EOF()
	require.Equal(t, 0, cleo.Wait())
	ada.Sees("* cleo left")
	require.Equal(t, 200, b.health(t))

	// The server of NATS ends with its chat. The other chat goes on.
	a.Stop()
	require.Equal(t, 0, a.Wait(), a.Err.String())
	bob.Sees("* ada left")
	bob.Sees("* beta is cut off from the other nodes: messages wait until it is back")
	require.Equal(t, 503, b.health(t))
}

func TestAPasswordForNATS(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{
		Host: host, Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), Username: "chat", Password: "secret",
	})
	require.NoError(t, err)
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	require.True(t, s.ReadyForConnections(startTime))
	at := strings.TrimPrefix(s.ClientURL(), "nats://")
	at = at[strings.LastIndex(at, "@")+1:]
	a := startNode(t, "nats://chat:secret@"+at, "alpha")
	require.Equal(t, "nats://chat:xxxxx@"+at, a.nats)
	require.Equal(t, 200, a.health(t))
	a.joins(t, "ada")
	a.Stop()
	require.Equal(t, 0, a.Wait(), a.Err.String())
	require.NotContains(t, a.Out.String()+a.Err.String(), "secret")
}

func TestNATSThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "", "-nats", "nats://ada:secret@127.0.0.1:1")
	p.Sees("Press Ctrl-C to close it.")
	p.Complains("chat: NATS cannot be reached at nats://ada:xxxxx@127.0.0.1:1; nobody is let in until it can")
	require.NotContains(t, p.Out.String()+p.Err.String(), "secret")
	p.Stop()
	require.Equal(t, 0, p.Wait())

	bad := start(t, "-tcp", "127.0.0.1:0", "-http", "", "-nats", "nats://127.0.0.1:1", "-nats-creds", t.TempDir()+"/none")
	require.Equal(t, 1, bad.Wait())
	require.Contains(t, bad.Err.String(), "-nats-creds")
}
