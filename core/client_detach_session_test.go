//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A client joins anew with a session that the server refuses or that is damaged.
func TestSessionIsRefused(t *testing.T) {
	tests := map[string]func(w *world, session []byte) []byte{
		"too late":           func(w *world, s []byte) []byte { time.Sleep(time.Minute); return s },
		"cut short":          func(_ *world, s []byte) []byte { return s[:len(s)-1] },
		"a bit is different": func(_ *world, s []byte) []byte { s[len(s)/2] ^= 1; return s },
		"another version":    func(_ *world, s []byte) []byte { s[3]++; return s },
		"not a session":      func(*world, []byte) []byte { return []byte("not a session") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				r := w.restarting(ClientOptions{Name: "ada"}, func(*Client) {})
				session, err := r.cl.Detach()
				require.NoError(t, err)
				<-r.cl.Done()
				r.start(spoil(w, session))
				synctest.Wait()
				require.Equal(t, []string{"connected", "disconnected", "connected"}, r.states.All())
				require.NoError(t, r.cl.Close())
				<-r.cl.Done()
			})
		})
	}
}

// A client joins anew if the server says that it has received more frames than were sent.
func TestSessionOfALyingServer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		r := w.restarting(ClientOptions{Name: "ada"}, func(*Client) {})
		require.NoError(t, r.cl.Send("x", 1))
		session, err := r.cl.Detach()
		require.NoError(t, err)
		<-r.cl.Done()

		lis := transport.NewPipeListener()
		defer lis.Close()
		hellos := make(chan *wire.Hello, 2)
		go func() {
			for _, welcome := range []*wire.Welcome{
				{Session: []byte("12345678"), Token: []byte("token"), Resumed: true, Received: 1 << 40},
				{Session: []byte("12345678"), Token: []byte("other"), Name: "ada"},
			} {
				stream, err := lis.Accept()
				if err != nil {
					return
				}
				hellos <- answerHello(stream, welcome)
			}
		}()
		cl := newTestClient(lis, &ClientOptions{Session: session})
		var states kept[State]
		cl.OnState(func(s State, _ error) { states.Add(s) })
		require.NoError(t, cl.Connect(w.ctx))
		require.NotEmpty(t, (<-hellos).Token)
		require.Empty(t, (<-hellos).Token)
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, []State{StateConnected, StateDisconnected}, states.All())
	})
}

// answerHello reads a hello and answers with a welcome.
func answerHello(stream transport.Conn, welcome *wire.Welcome) *wire.Hello {
	p := coretest.Peer{Stream: stream}
	h, err := p.Answer(welcome)
	if h == nil || err != nil {
		return &wire.Hello{} // the client has gone
	}
	return h
}

// FuzzSession gives a client any bytes as its session. The bytes are refused, or the client talks
// to its server as usual and can be detached again.
func FuzzSession(f *testing.F) {
	frames := wire.AppendRequest(wire.AppendRaw(wire.AppendCommand(nil, "say", []byte("hello")), []byte("raw")), 7, "sum", []byte("[1]"))
	told := wire.AppendRename(wire.AppendJoinGroup(nil, "red"), "grace")
	for _, s := range []*parked.Session{
		{ID: []byte("12345678"), Token: []byte("token"), Name: "ada", Groups: []string{"blue", "red"}},
		{Token: []byte("token"), Received: 9, Missed: 3, Dropped: 4, LastCall: 5, Acked: 6, In: append(told, frames...), Out: frames},
		{Token: []byte("token"), Received: 1, In: wire.AppendFrame(nil, wire.KindRequest), Out: wire.AppendCancel(nil, 1)},
	} {
		b := parked.Append(nil, s)
		f.Add(b, uint64(0), false)
		f.Add(b, uint64(7), true)
	}
	f.Add([]byte("hsk\x01"), uint64(0), true)
	f.Fuzz(func(t *testing.T, session []byte, received uint64, seal bool) {
		if seal && len(session) >= 8 { // so that bytes after the checksum are parsed, too
			sum := fnv.New64a()
			sum.Write(session[:len(session)-8]) //nolint:errcheck // it never fails
			session = binary.LittleEndian.AppendUint64(session[:len(session)-8:len(session)-8], sum.Sum64())
		}
		synctest.Test(t, func(t *testing.T) {
			near, far := transport.Pipe()
			defer far.Close()
			go answerHello(far, &wire.Welcome{Session: []byte("12345678"), Token: []byte("token"), Resumed: true, Received: received, Name: "ada"})
			cl := newTestClient(streams{near}, &ClientOptions{Session: session, QueueBytes: 4 << 10, InboxBytes: 4 << 10})
			cl.OnBytes("say", func(context.Context, *Conn, []byte) error { return nil })
			cl.HandleBytes("sum", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil }, Concurrent())
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := cl.Connect(ctx); err != nil {
				return // it has left, and there is no other stream
			}
			cl.Send("x", 1) //nolint:errcheck // what it carries may have ended it
			synctest.Wait()
			if again, err := cl.Detach(); err == nil {
				_, ok := parked.Parse(again)
				require.True(t, ok)
			}
			cl.Close() //nolint:errcheck // nothing to be done about it
			<-cl.Done()
		})
	})
}

// streams is a dialer that returns streams made before, one after the other.
type streams []transport.Conn

func (s streams) Dial(ctx context.Context) (transport.Conn, error) {
	if info := s[0]; info.SetReadDeadline(time.Time{}) == nil {
		return info, nil
	}
	return nil, errors.New("no stream is left")
}

// A client that cannot go on with a session reports the messages of the session as undelivered,
// once.
func TestSessionIsHandedBack(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		inWorld(t, nil, func(w *world) {
			w.serve()
			opts := ClientOptions{Name: "ada"}
			if fresh {
				opts.AuthFunc = func(context.Context) ([]byte, error) { return []byte("token"), nil }
			}
			var undelivered kept[string]
			r := w.restarting(opts, func(cl *Client) {
				cl.OnUndelivered(func(_ *Conn, frames []Undelivered) {
					for _, f := range frames {
						undelivered.Add(f.Command + string(f.Payload))
					}
				})
			})
			synctest.Wait()
			r.cl.Conn().breakOff()
			require.NoError(t, r.cl.Send("say", "one"))
			require.NoError(t, r.cl.SendRaw([]byte("two")))
			session, err := r.cl.Detach()
			require.NoError(t, err)
			<-r.cl.Done()
			require.Empty(t, undelivered.All())
			time.Sleep(time.Minute)
			r.start(session)
			synctest.Wait()
			require.Equal(t, []string{"sayone", "two"}, undelivered.All())
			require.NoError(t, r.cl.Close())
			<-r.cl.Done()
			require.Len(t, undelivered.All(), 2, "once")
		})
	}
}
