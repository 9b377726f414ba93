package core

import (
	"context"
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

// Many newcomers at a full server are turned away; the server is well afterwards.
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

// A client whose queue is full is disconnected with a reason; nobody else notices.
func TestSlowConsumer(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 32 << 10}}, func(w *world) {
		var gone kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { gone.add(c.Name() + ": " + CodeOf(why).String()) })
		w.serve()
		stuck := w.hello(&wire.Hello{Name: "stuck"})
		var got kept[int]
		cl := w.client("ada")
		On(cl, "n", func(_ context.Context, _ *Conn, s string) error { got.add(len(s)); return nil })
		w.join(cl)
		big := strings.Repeat("x", 4<<10)
		for range 100 {
			require.NoError(t, w.srv.All().Send("n", big))
			synctest.Wait()
		}
		require.Len(t, got.all(), 100)
		require.Equal(t, 1, w.srv.Len())
		require.Equal(t, []string{}, append([]string{}, gone.all()...), "the goodbye waits for what is being written")
		reason := stuck.WantGoodbye(CodeSlowConsumer, "").Reason
		require.Contains(t, reason, "limit 32768 B")
		synctest.Wait()
		require.Equal(t, []string{"stuck: slow consumer"}, gone.all())
		require.NoError(t, cl.Close())
	})
}

// One frame is let into an empty queue, however large.
func TestFrameLargerThanQueue(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 1 << 10}}, func(w *world) {
		w.serve()
		cl := w.client("ada")
		var got kept[int]
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.add(len(b)); return nil })
		w.join(cl)
		c, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, c.SendBytes("n", make([]byte, 500_000)))
		synctest.Wait()
		require.Equal(t, []int{500_000}, got.all())

		limit := wire.DefaultMaxFrame
		fits := limit - (wire.CommandSize("n", 0) - wire.Size(0))
		require.NoError(t, c.SendBytes("n", make([]byte, fits)))
		synctest.Wait()
		require.Equal(t, []int{500_000, fits}, got.all())
		require.Equal(t, CodeTooBig, CodeOf(c.SendBytes("n", make([]byte, fits+1))))
		require.NoError(t, c.Send("n", "the connection goes on"))
		require.NoError(t, cl.Close())
	})
}

// A broadcast that one client would not read is left out there, and reported.
func TestBroadcastTooBigForOne(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *Conn, err error) { faults.add(c.Name() + " " + CodeOf(err).String()) })
		w.serve()
		small := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: "small", MaxFrame: 1000})
		w.clients = append(w.clients, small)
		w.join(small)
		var got kept[int]
		cl := w.client("ada")
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.add(len(b)); return nil })
		w.join(cl)
		require.NoError(t, w.srv.All().SendBytes("n", make([]byte, 2000)))
		synctest.Wait()
		require.Equal(t, []int{2000}, got.all())
		require.Equal(t, []string{"small too big"}, faults.all())
		require.NoError(t, small.Close())
		require.NoError(t, cl.Close())
	})
}

func TestFrameLimit(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxFrame: 1000}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendCommand(nil, "n", make([]byte, 1000)))
		p.WantGoodbye(CodeTooBig, "1000")

		cl := w.join(w.client("ada"))
		require.Equal(t, CodeTooBig, CodeOf(cl.SendBytes("n", make([]byte, 1000))), "the client was told the limit")
		require.NoError(t, cl.Close())
	})
}

// Each side notices by itself that the other has fallen silent, and only then.
func TestHeartbeat(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Heartbeat: 2 * time.Second}}
	inWorld(t, opts, func(w *world) {
		var gone kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { gone.add(c.Name() + ": " + CodeOf(why).String()) })
		w.serve()
		cl := w.join(w.client("alive"))
		dead := w.hello(&wire.Hello{Name: "dead"})
		start := time.Now()
		require.Equal(t, wire.KindPing, dead.Want().Kind)
		require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
		dead.WantGoodbye(CodeHeartbeat, "nothing heard for")
		require.InDelta(t, 4*time.Second, time.Since(start), float64(time.Second))
		time.Sleep(time.Minute)
		require.Equal(t, []string{"dead: heartbeat missed"}, gone.all())
		require.NoError(t, cl.Err(), "who answers stays")
		require.NoError(t, cl.Close())
	})
}

func TestHeartbeatOfTheServer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		// A server by hand that says nothing after its welcome.
		go func() {
			stream, err := w.lis.Accept()
			if err != nil {
				return
			}
			stream.Write(wire.AppendWelcome(nil, &wire.Welcome{Heartbeat: time.Second})) //nolint:errcheck // the client will miss it
			for buf := make([]byte, 100); err == nil; {
				_, err = stream.Read(buf)
			}
			stream.Close() //nolint:errcheck // it is over
		}()
		cl := w.client("ada")
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		require.Equal(t, CodeHeartbeat.String(), CodeOf(cl.Err()).String())
		require.NoError(t, w.lis.Close())
	})
}

// A peer that stops reading for good is noticed although its queue is not full.
func TestWriteTimeout(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Write: 4 * time.Second, Heartbeat: -1}, Limits: Limits{QueueBytes: 10 << 20}}
	inWorld(t, opts, func(w *world) {
		why := make(chan error, 1)
		w.srv.OnLeave(func(_ *Conn, err error) { why <- err })
		w.serve()
		stuck := w.hello(&wire.Hello{})
		c := first(w)
		for range 40 {
			require.NoError(t, c.SendBytes("n", make([]byte, 16<<10)))
		}
		start := time.Now()
		require.Equal(t, CodeWriteTimeout.String(), CodeOf(<-why).String())
		require.InDelta(t, 8*time.Second, time.Since(start), float64(2*time.Second))
		stuck.Stream.Close() //nolint:errcheck // it is over
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
