//go:build !js

package core

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

func TestCloseWhileSuspended(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		cl, states := w.returning("ada", Retry{Min: time.Hour, Max: time.Hour})
		w.join(cl)
		cl.Conn().breakOff()
		synctest.Wait()
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, CodeClosed, CodeOf(cl.Err()))
		require.Equal(t, []string{"connected", "reconnecting: connection lost", "disconnected: closed"}, states.All())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"join ada", "suspend ada", "leave ada: connection lost"}, events.All())
	})
}

func TestShutdownWhileSuspended(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		cl, _ := w.returning("ada", Retry{Min: time.Hour, Max: time.Hour})
		w.join(cl)
		cl.Conn().breakOff()
		synctest.Wait()
		start := time.Now()
		require.NoError(t, w.srv.Shutdown(w.ctx))
		require.Less(t, time.Since(start), time.Second)
		require.Equal(t, []string{"join ada", "suspend ada", "leave ada: shutting down"}, events.All())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A slowOwner takes a second to take back the place of a suspended connection.
type slowOwner struct{ owner }

func (o slowOwner) waited(c *Conn) {
	time.Sleep(time.Second)
	o.owner.waited(c)
}

// A goroutine that ends a suspended connection does not run the leave handler, also if it is the last to be busy
// with the connection: it may hold locks that the handler needs.
func TestEndDoesNotRunTheLeaveHandler(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 10}}, func(w *world) {
		left := make(chan string, 1)
		w.srv.OnLeave(func(*Conn, error) { left <- string(debug.Stack()) })
		w.srv.eng.owner = slowOwner{w.srv.eng.owner} // the other goroutines of the connection are done by then
		w.serve()
		w.hello(&wire.Hello{Name: "ada", Resume: true}).Stream.Close() //nolint:errcheck // it is cut
		synctest.Wait()
		c := w.only()
		require.True(t, c.Suspended())
		for { // a change of groups is told with the changes of the client locked
			if err := c.Join(w.ctx, "group"); err != nil {
				break
			}
			if err := c.Leave(w.ctx, "group"); err != nil {
				break
			}
		}
		require.Equal(t, CodeSlowConsumer, CodeOf(c.Err()))
		require.NotContains(t, <-left, "setMember")
		<-c.Done()
	})
}

// A client that reads nothing, sends a fault, and hangs up before it could be told of the fault
// leaves once, whoever looks at its connection at that moment.
func TestHangsUpBeforeItIsTold(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Close: time.Hour}}, func(w *world) {
		events := w.events()
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada"})
		require.NoError(t, w.only().SendBytes("bulk", make([]byte, 500<<10))) // more than a pipe holds
		time.Sleep(time.Second)
		p.Send(wire.AppendCommand(nil, "nothing", nil)) // so that the sweeper looks
		p.Send([]byte{0})
		synctest.Wait()
		p.Stream.Close() //nolint:errcheck // it hangs up
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"join ada", "leave ada: protocol error"}, events.All())
	})
}

// The sweeper may look at a connection that has just finished.
func TestSweepOfAFinishedConn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		p.Send(wire.AppendCommand(nil, "n", nil))
		synctest.Wait()
		conns := w.srv.eng.sweep.conns()
		require.Equal(t, []*Conn{c}, conns)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.Stream.Close() //nolint:errcheck // it is over
		<-c.Done()
		for _, c := range conns { // as sweepAll and sweepActive do
			c.checkReads(time.Minute, false)
			c.checkWrites(time.Minute)
			c.checkAck()
			c.checkAck()
			c.endBatch()
		}
		synctest.Wait()
		require.Equal(t, []string{"join ada", "leave ada: closed"}, events.All())
	})
}

// A hook that ends its goroutine ends the connection that it was told of, and affects nobody else:
// no place, name or stream is left behind.
func TestHooksThatEndTheirGoroutine(t *testing.T) {
	exit := func(*Conn, error) { runtime.Goexit() }
	tests := map[string]func(w *world){
		"error hook, of who is refused": func(w *world) {
			w.srv.OnError(exit)
			w.serve()
			p := w.peer()
			p.Send([]byte("GET / HTTP/1.1\r\n\r\n"))
			p.WantEnd()
		},
		"error hook, of who has broken the protocol": func(w *world) {
			w.srv.OnError(exit)
			w.serve()
			p := w.hello(&wire.Hello{Name: "ada", Resume: true})
			p.Send(wire.AppendRefuse(nil, wire.Goodbye{}))
			for err := error(nil); err == nil; _, err = p.Frame(wire.DefaultMaxFrame) {
			}
			p.Stream.Close() //nolint:errcheck // it is over
		},
		"error hook, of a welcome that cannot be written": func(w *world) {
			w.srv.OnError(exit)
			deaf := true
			go w.srv.Serve(w.ctx, &wrapped{w.lis, func(s transport.Conn) transport.Conn { //nolint:errcheck // nil after Shutdown
				if deaf {
					return deafConn{s}
				}
				return s
			}})
			p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
			synctest.Wait()
			deaf = false
			p.WantEnd()
		},
		"suspend handler": func(w *world) {
			w.srv.OnSuspend(exit)
			w.serve()
			w.hello(&wire.Hello{Name: "ada", Resume: true}).Stream.Close() //nolint:errcheck // it is cut
		},
		"leave handler": func(w *world) {
			w.srv.OnLeave(exit)
			w.serve()
			w.hello(&wire.Hello{Name: "ada"}).Stream.Close() //nolint:errcheck // it is cut
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}}, func(w *world) {
				run(w)
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				names, _ := w.srv.roster.Seats()
				require.Zero(t, names)
				require.Zero(t, w.srv.Len())
				require.Equal(t, wire.KindWelcome, w.helloOf(&wire.Hello{Name: "ada"}).Want().Kind)
			})
		})
	}
}
