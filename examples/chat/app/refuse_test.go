package app

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
)

func TestATakenNameIsRefused(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	for scheme, url := range map[string]string{"tcp": s.tcp, "ws": s.ws} {
		t.Run(scheme, func(t *testing.T) {
			other := start(t, "-join", url, "-name", "ada")
			require.Equal(t, exitFail, other.Wait())
			require.Equal(t, "chat: somebody here is called \"ada\" already: choose another name\n", other.Err.String())
			require.Empty(t, other.Out.String())
		})
	}
	require.Equal(t, []string{"* here: ada (you)"}, ada.Out.Lines())
}

// The server checks names and messages that the terminal client would not send. Other programs
// might send them.
func TestTheServerChecksNamesAndMessagesItself(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	for _, name := range []string{"", " bob", "bob: hi", "* bob joined", "b\u202eob", strings.Repeat("b", maxName+1)} {
		client := newTestClient(tcp.Dialer(strings.TrimPrefix(s.tcp, "tcp://"), nil), &core.ClientOptions{Name: name, Retry: core.Retry{Off: true}})
		entered := make(chan roll, 1)
		core.On(client, "here", func(_ context.Context, _ *core.Conn, in roll) error {
			entered <- in
			return nil
		})
		err := client.Connect(t.Context())
		if core.CodeOf(err) == core.CodeBadName { // the library refuses it for all
			continue
		}
		require.NoError(t, err)
		<-client.Done()
		require.True(t, core.IsRemote(client.Err()))
		require.Equal(t, core.CodeBadName, core.CodeOf(client.Err()), "%v", client.Err())
		require.Empty(t, entered)
	}

	client := newTestClient(tcp.Dialer(strings.TrimPrefix(s.tcp, "tcp://"), nil), &core.ClientOptions{Name: "bob", Retry: core.Retry{Off: true}})
	require.NoError(t, client.Connect(t.Context()))
	for _, text := range []string{"", " ", "a\nb", "\x1b[2J", strings.Repeat("x", maxText+1)} {
		_, err := core.Call[struct{}](t.Context(), client, "say", text)
		require.Equal(t, codeBadText, core.CodeOf(err), "%q: %v", text, err)
	}
	_, err := core.Call[struct{}](t.Context(), client, "say", []byte("\xff"))
	require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
	_, err = core.Call[struct{}](t.Context(), client, "say", "hello")
	require.NoError(t, err)
	require.NoError(t, client.Close())
	<-client.Done()

	ada.Sees("* bob left")
	require.Equal(t, []string{"* here: ada (you)", "* bob joined", "bob: hello", "* bob left"}, ada.Out.Lines())
}

func TestATerminalTrustsNoServer(t *testing.T) {
	srv := newTestServer(nil)
	srv.OnJoin(func(c *core.Conn) {
		id, evil := core.ClientID{Conn: 1}, "\x1b]0;owned\a\x1b[2J"
		c.Send("here", roll{You: id, Here: []member{{ID: id, Name: evil}}}) //nolint:errcheck // the test fails without it
		c.Send("joined", member{Name: "bob\r\n* cleo"})                     //nolint:errcheck
		c.Send("said", line{From: "bob\u202e", Text: "one\nada: two"})      //nolint:errcheck
		c.CloseWith(core.NewError(codeBadText, evil))
	})
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), l) }()
	p := start(t, "-join", "tcp://"+l.Addr(), "-name", "ada")
	require.Equal(t, exitFail, p.Wait())
	require.Equal(t, []string{
		"* here: \ufffd]0;owned\ufffd\ufffd[2J (you)",
		"* bob\ufffd\ufffd* cleo joined",
		"bob\ufffd: one\ufffdada: two",
	}, p.Out.Lines())
	require.Equal(t, "chat: the server has ended the connection: \ufffd]0;owned\ufffd\ufffd[2J\n", p.Err.String())
	require.NoError(t, srv.Shutdown(t.Context()))
	require.NoError(t, <-served)
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	for _, url := range []string{"tcp://" + addr, "ws://" + addr + "/ws"} {
		p := start(t, "-join", url, "-name", "ada")
		require.Equal(t, exitFail, p.Wait())
		require.Contains(t, p.Err.String(), "chat: cannot join the chat at "+url)
		require.Contains(t, p.Err.String(), "refused")
	}
}

func TestSomethingElseThere(t *testing.T) {
	s := startServer(t)
	tests := map[string]struct{ url, complaint string }{
		"the page over TCP":    {"tcp://" + strings.TrimPrefix(s.http, "http://"), "answers in HTTP"},
		"not the WebSocket":    {"ws://" + strings.TrimPrefix(s.http, "http://") + "/elsewhere", "404"},
		"a WebSocket over TCP": {"ws://" + strings.TrimPrefix(s.tcp, "tcp://") + "/ws", "400"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, "-join", tc.url, "-name", "ada")
			require.Equal(t, exitFail, p.Wait())
			require.Contains(t, p.Err.String(), tc.complaint)
		})
	}
}

func TestAServerThatVanishes(t *testing.T) {
	s := startServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cut := make(chan struct{})
	relayed := make(chan error, 1)
	go func() { relayed <- relay(l, strings.TrimPrefix(s.tcp, "tcp://"), cut) }()

	ada := s.joins(t, "tcp://"+l.Addr().String(), "ada", "-once")
	close(cut)
	require.NoError(t, <-relayed)
	require.Equal(t, exitFail, ada.Wait())
	require.Contains(t, ada.Err.String(), "chat: the connection to the server was lost")
}

// relay passes the bytes between one client and the server at addr on, until cut is closed.
func relay(l net.Listener, addr string, cut <-chan struct{}) error {
	client, err := l.Accept()
	if err != nil {
		return err
	}
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	copied := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		io.Copy(to, from) //nolint:errcheck // it is cut
		copied <- struct{}{}
	}
	go pass(client, server)
	go pass(server, client)
	<-cut
	client.Close()
	server.Close()
	<-copied
	<-copied
	return nil
}

func TestStoppingDoesNotWaitForWhoDoesNotListen(t *testing.T) {
	s := startServer(t)
	addr := strings.TrimPrefix(s.tcp, "tcp://")
	silent, err := net.Dial("tcp", addr) // never says hello
	require.NoError(t, err)
	defer silent.Close()
	half, err := net.Dial("tcp", strings.TrimPrefix(s.http, "http://")) // never finishes its request
	require.NoError(t, err)
	defer half.Close()
	_, err = io.WriteString(half, "GET / HTTP/1.1\r\n")
	require.NoError(t, err)
	deaf := newTestClient(tcp.Dialer(addr, nil), &core.ClientOptions{Name: "deaf", CloseTimeout: time.Millisecond, Retry: core.Retry{Off: true}})
	wait := make(chan struct{})
	core.On(deaf, "here", func(context.Context, *core.Conn, roll) error { <-wait; return nil })
	require.NoError(t, deaf.Connect(t.Context()))

	s.Stop()
	require.Equal(t, exitOK, s.Wait())
	close(wait)
	<-deaf.Done()
}

// A client whose connection is cut comes back by itself, and loses no message that was sent meanwhile.
func TestATerminalComesBack(t *testing.T) {
	s := startServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cuts := []chan struct{}{make(chan struct{}), make(chan struct{})}
	relayed := make(chan error, 1)
	go func() {
		for _, cut := range cuts {
			if err := relay(l, strings.TrimPrefix(s.tcp, "tcp://"), cut); err != nil {
				relayed <- err
				return
			}
		}
		relayed <- nil
	}()
	ada := s.joins(t, "tcp://"+l.Addr().String(), "ada")
	bob := s.joins(t, s.ws, "bob")
	ada.Sees("* bob joined")
	close(cuts[0])
	ada.Sees("* the connection to the server was lost (unexpected EOF): coming back")
	bob.Say("are you there?")
	ada.Sees("* back again")
	ada.Sees("bob: are you there?")
	ada.Say("yes")
	bob.Sees("ada: yes")
	ada.EOF()
	require.Equal(t, exitOK, ada.Wait(), ada.Err.String())
	close(cuts[1])
	require.NoError(t, <-relayed)
	require.NotContains(t, strings.Join(bob.Out.Lines(), "\n"), "ada left\n* ada joined")
}
