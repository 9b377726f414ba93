//go:build !js

package core

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A client that says it has received what was never written to it has no session to go on
// with: it joins anew.
func TestResumeOfWhatWasNeverWritten(t *testing.T) {
	tests := map[string]struct {
		before, waiting int    // commands that it has got, and that wait for it
		received        uint64 // that it says it has
		resumed         bool
	}{
		"one that waits":                 {waiting: 1, received: 1},
		"some of those that wait":        {before: 3, waiting: 9, received: 5},
		"all that wait":                  {before: 3, waiting: 9, received: 12},
		"more than there are":            {before: 3, waiting: 9, received: 13},
		"as many as can be said":         {before: 3, waiting: 9, received: 1<<64 - 1},
		"all that was written":           {before: 3, waiting: 9, received: 3, resumed: true},
		"some of what was written":       {before: 3, waiting: 9, received: 2, resumed: true},
		"what was written, none waits":   {before: 3, received: 3, resumed: true},
		"more than that, and none waits": {before: 3, received: 4},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				p := w.hello(&wire.Hello{Resume: true})
				c := w.only()
				for range tc.before {
					require.NoError(t, c.Send("news", "old"))
					p.wantCommand("news")
				}
				p.stream.Close() //nolint:errcheck // it is cut
				synctest.Wait()
				for range tc.waiting {
					require.NoError(t, c.Send("news", "new"))
				}
				p = w.peer()
				p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{
					Resume: true, Session: c.session.id, Token: c.token, Received: tc.received,
				}))
				welcome, err := wire.ParseWelcome(p.want().Body, nil)
				require.NoError(t, err)
				require.Equal(t, tc.resumed, welcome.Resumed)
				synctest.Wait()
				require.Equal(t, tc.resumed, !c.isEnded())
				require.Equal(t, 1, w.srv.Len())
				if tc.resumed {
					for range uint64(tc.before) - tc.received {
						require.Equal(t, "old", p.wantCommand("news"))
					}
					for range tc.waiting {
						require.Equal(t, "new", p.wantCommand("news"))
					}
				}
				p.stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}

// An ack of frames that are not written yet ends the connection, whatever has been queued.
func TestAckOfWhatWasNeverWritten(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 20}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Resume: true})
		c := w.only()
		const frames = 64
		for range frames { // far more than one write takes, of a peer that does not read
			require.NoError(t, c.SendBytes("bulk", make([]byte, 32<<10)))
		}
		synctest.Wait()
		p.send(wire.AppendAck(nil, frames))
		synctest.Wait() // else the peer may read all of it before the server reads the ack, which is true then
		p.wantGoodbye(CodeProtocol)
	})
}

// A server can lie in the same way, and its client goes on: it joins anew.
func TestServerResumesWhatWasNeverWritten(t *testing.T) {
	for _, received := range []uint64{1, 2, 3, 1<<64 - 1} {
		synctest.Test(t, func(t *testing.T) {
			lis := transport.NewPipeListener()
			cl := newTestClient(lis, &ClientOptions{Codec: testCodec{}, Retry: Retry{Min: time.Millisecond}})
			welcomes := func(w *wire.Welcome) *peer {
				stream, err := lis.Accept()
				require.NoError(t, err)
				p := &peer{t: t, stream: stream, rd: &reader{}}
				require.Nil(t, readPreface(stream, p.rd))
				require.Equal(t, wire.KindHello, p.want().Kind)
				w.Session, w.Token = []byte("8 bytes."), []byte("a token of 16 B.")
				p.send(wire.AppendWelcome(nil, w))
				return p
			}
			connected := make(chan error, 1)
			go func() { connected <- cl.Connect(t.Context()) }()
			p := welcomes(&wire.Welcome{})
			require.NoError(t, <-connected)
			conn := cl.Conn()
			p.stream.Close() //nolint:errcheck // it is cut
			synctest.Wait()
			require.NoError(t, cl.Send("say", "one"))
			require.NoError(t, cl.Send("say", "two"))
			p = welcomes(&wire.Welcome{Resumed: true, Received: received})
			<-conn.Done()
			require.Equal(t, CodeProtocol.String(), CodeOf(conn.Err()).String())
			require.NoError(t, cl.Close())
			<-cl.Done()
			p.stream.Close() //nolint:errcheck // it is over
			lis.Close()      //nolint:errcheck // it is over
		})
	}
}
