package core

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

func TestHelloTimeout(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Hello: 3 * time.Second}}, func(w *world) {
		w.serve()
		silent, half := w.peer(), w.peer()
		half.Send([]byte(wire.Preface + "\x20\x01"))
		start := time.Now()
		for _, p := range []*coretest.Peer{silent, half} {
			f := p.Want()
			require.Equal(t, wire.KindRefuse, f.Kind)
			no, err := wire.ParseRefuse(f.Body)
			require.NoError(t, err)
			require.Equal(t, CodeHelloTimeout.String(), no.Code.String())
			p.WantEnd()
		}
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestMaxConns(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 3}}, func(w *world) {
		w.serve()
		w.peer() // counts for MaxHandshakes alone
		a, b, d := w.join(w.client("a")), w.join(w.client("b")), w.join(w.client("d"))
		err := w.client("c").Connect(w.ctx)
		require.Equal(t, CodeTooManyConns.String(), CodeOf(err).String())
		require.True(t, IsRemote(err))
		require.NoError(t, a.Close())
		<-a.Done()
		synctest.Wait()
		c := w.join(w.client("c"))
		require.NoError(t, b.Close())
		require.NoError(t, c.Close())
		require.NoError(t, d.Close())
	})
}

// Many newcomers at a full server are refused. The server works as before.
func TestMaxConnsStorm(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 1}}, func(w *world) {
		w.serve()
		a := w.join(w.client("a"))
		refused := make(chan error, 200)
		for range cap(refused) {
			cl := w.client("")
			go func() { refused <- cl.Connect(w.ctx) }()
		}
		for range cap(refused) {
			require.Error(t, <-refused)
		}
		synctest.Wait()
		require.Equal(t, 1, w.srv.gate.Counts().Settled)
		require.NoError(t, a.Close())
	})
}

func TestRefusedNames(t *testing.T) {
	tests := map[string]struct {
		hello wire.Hello
		code  Code
	}{
		"name too long":      {wire.Hello{Name: strings.Repeat("x", 21)}, CodeBadName},
		"name with control":  {wire.Hello{Name: "a\x1b[31m"}, CodeBadName},
		"name not UTF-8":     {wire.Hello{Name: "a\xff"}, CodeBadName},
		"group too long":     {wire.Hello{Groups: []string{strings.Repeat("x", 21)}}, CodeBadName},
		"too many groups":    {wire.Hello{Groups: []string{"a", "b", "c"}}, CodeTooManyGroups},
		"another version":    {wire.Hello{Version: 2}, CodeVersion},
		"too much to say":    {wire.Hello{Auth: make([]byte, 9000)}, CodeTooBig},
		"name that is taken": {wire.Hello{Name: "ada"}, CodeNameTaken},
	}
	inWorld(t, &ServerOptions{Limits: Limits{MaxName: 20, MaxGroups: 2}, Access: Access{UniqueNames: true}}, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada"))
		for name, tc := range tests {
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &tc.hello))
			f := p.Want()
			require.Equal(t, wire.KindRefuse, f.Kind, name)
			no, err := wire.ParseRefuse(f.Body)
			require.NoError(t, err, name)
			require.Equal(t, tc.code.String(), no.Code.String(), name)
			p.WantEnd()
		}
		require.NoError(t, cl.Close())
		<-cl.Done()
		synctest.Wait()
		again := w.join(w.client("ada"))
		require.NoError(t, again.Close())
		for _, bad := range []string{"\n", "a\x00", strings.Repeat("é", 5000)} {
			err := w.client(bad).Connect(w.ctx)
			require.Equal(t, CodeBadName.String(), CodeOf(err).String(), fmt.Sprintf("%.10q", bad))
			require.False(t, IsRemote(err))
		}
	})
}

// Newcomers that are refused because the server is full take no place, even if they do not hang up.
// The next newcomer is let in when a client leaves.
func TestRefusedNewcomersTakeNoPlace(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 1}}, func(w *world) {
		t := w.t
		w.serve()
		ada := w.join(w.client("ada"))
		refused := []*coretest.Peer{w.peer(), w.peer(), w.peer()}
		synctest.Wait()
		require.NoError(t, ada.Close())
		<-ada.Done()
		synctest.Wait()
		bob := w.client("bob")
		require.NoError(t, bob.Connect(w.ctx))
		for _, p := range refused {
			require.NoError(t, p.Stream.Close())
		}
		require.NoError(t, bob.Close())
	})
}
