//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A client joins anew while a handler of its former connection still runs, and loses the new stream
// meanwhile. It tells its program of both in the order in which they happened.
func TestStatesInOrderWhenLostAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lis := transport.NewPipeListener()
		cl := newTestClient(lis, &ClientOptions{Codec: testCodec{}, Retry: Retry{Min: time.Millisecond, Max: time.Millisecond}})
		var states kept[string]
		cl.OnState(func(s State, _ error) { states.Add(s.String()) })
		cl.OnBytes("slow", func(context.Context, *Conn, []byte) error { time.Sleep(time.Second); return nil })
		welcomes := func() *coretest.Peer {
			stream, err := lis.Accept()
			require.NoError(t, err)
			p := &coretest.Peer{T: t, Stream: stream}
			_, err = p.Answer(&wire.Welcome{Session: []byte("8 bytes."), Token: []byte("a token of 16 B.")})
			require.NoError(t, err)
			return p
		}
		connected := make(chan error, 1)
		go func() { connected <- cl.Connect(t.Context()) }()
		p := welcomes()
		require.NoError(t, <-connected)
		p.Send(wire.AppendCommand(nil, "slow", nil))
		synctest.Wait()
		p.Stream.Close() //nolint:errcheck // it is cut
		p = welcomes()   // to another session
		time.Sleep(10 * time.Millisecond)
		p.Stream.Close() //nolint:errcheck // it is cut too
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got := states.All()
		require.NoError(t, cl.Close())
		lis.Close() //nolint:errcheck // it is over
		<-cl.Done()
		require.Equal(t, []string{"connected", "reconnecting", "disconnected", "connected", "reconnecting"}, got)
	})
}

// A state handler that is told that a connection was resumed may call the server and get its
// answer.
func TestCallWhenResumed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Codec: testCodec{}})
		w.clients = append(w.clients, cl)
		type answer struct {
			what string
			err  error
		}
		got := make(chan answer, 1)
		cl.OnState(func(s State, _ error) {
			if s == StateResumed {
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				b, err := cl.CallBytes(ctx, "echo", []byte("still you?"))
				got <- answer{string(b), err}
			}
		})
		w.join(cl)
		cl.Conn().breakOff()
		require.Equal(t, answer{"still you?", nil}, <-got)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}
