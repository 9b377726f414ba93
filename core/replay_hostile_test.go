//go:build !js

package core

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/wire"
)

// A client survives any statement of its server about histories: it goes on, or it ends with a
// reason.
func TestReplaysOfAHostileServer(t *testing.T) {
	replay := func(r wire.Replay) []byte { return wire.AppendReplay(nil, &r) }
	tests := map[string]struct {
		say  []byte
		code Code // CodeNone: the client goes on
	}{
		"message of an unknown group": {wire.AppendGroupCommand(nil, "red", 7, "say", []byte("x")), CodeNone},
		"greatest numbers": {slices.Concat(
			replay(wire.Replay{Group: "red", Epoch: math.MaxUint64, Last: math.MaxUint64, Count: math.MaxUint64}),
			wire.AppendGroupCommand(nil, "red", math.MaxUint64, "say", []byte("x")),
			wire.AppendGroupCommand(nil, "red", 1, "say", []byte("y")),
			replay(wire.Replay{Group: "red", Epoch: 1}),
			replay(wire.Replay{Group: "red", Epoch: 1, Last: math.MaxUint64, Count: 1}),
		), CodeNone},
		"end of no replay":         {slices.Concat(wire.AppendReplayEnd(nil, "red"), wire.AppendReplayEnd(nil, "\x1b")), CodeNone},
		"replay that never ends":   {slices.Concat(replay(wire.Replay{Group: "red", Epoch: 1, Last: 9, Count: 9}), wire.AppendGroupRaw(nil, "red", 3, nil)), CodeNone},
		"passed":                   {wire.AppendGroupPassed(nil, "red", 7), CodeNone},
		"group that is no name":    {replay(wire.Replay{Group: "\x1b[31m", Epoch: 1}), CodeBadName},
		"group with a long name":   {replay(wire.Replay{Group: strings.Repeat("x", 9000), Epoch: 1}), CodeBadName},
		"no epoch":                 {wire.AppendFrame(nil, wire.KindReplay, []byte{1, 'g', 0, 0, 0, 0}), CodeProtocol},
		"more than there are":      {wire.AppendFrame(nil, wire.KindReplay, []byte{1, 'g', 1, 3, 4, 0}), CodeProtocol},
		"number 0":                 {wire.AppendGroupCommand(nil, "red", 0, "say", nil), CodeProtocol},
		"raw without a number":     {wire.AppendFrame(nil, wire.KindGroupRaw, []byte{1, 'g'}), CodeProtocol},
		"command without its name": {wire.AppendFrame(nil, wire.KindGroupCommand, []byte{1, 'g', 1}), CodeProtocol},
		"end with a tail":          {wire.AppendFrame(nil, wire.KindReplayEnd, []byte{1, 'g', 1}), CodeProtocol},
		"passed with a tail":       {wire.AppendFrame(nil, wire.KindGroupPassed, []byte{1, 'g', 1, 1}), CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				result := make(chan error, 1)
				code := tc.code
				if code == CodeNone {
					code = CodeClosed
				}
				go func() { result <- beServer(w.lis, tc.say, code) }()
				cl, _ := w.hears("ada")
				require.NoError(t, cl.Connect(w.ctx))
				synctest.Wait()
				if tc.code == CodeNone {
					require.NoError(t, cl.Err())
					cl.Close()
				}
				<-cl.Done()
				require.Equal(t, code.String(), CodeOf(cl.Err()).String())
				require.NoError(t, <-result)
				require.NoError(t, w.lis.Close())
			})
		})
	}
}

// A server that replays endless groups, in which the client is not, fills no memory.
func TestReplaysAreBounded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var say []byte
		for i := range 10_000 {
			say = wire.AppendReplay(say, &wire.Replay{Group: fmt.Sprint("group ", i), Epoch: 1})
		}
		result := make(chan error, 1)
		go func() { result <- beServer(w.lis, say, CodeClosed) }()
		cl := w.client("ada")
		require.NoError(t, cl.Connect(w.ctx))
		synctest.Wait()
		require.Len(t, cl.book.Left(), history.MaxLeft)
		require.Less(t, cl.book.Size(), history.MaxLeft*100)
		cl.Close()
		require.NoError(t, <-result)
		require.NoError(t, w.lis.Close())
	})
}

// All members of a group get its messages in the same order, the order of the numbers, however many
// send.
func TestMessagesOfAGroupHaveOneOrder(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		const senders, each = 4, 200
		var got []*kept[string]
		for i := range 3 {
			cl, heard := w.hears(fmt.Sprint("client ", i), "red")
			w.join(cl)
			got = append(got, heard)
		}
		p := w.hello(&wire.Hello{Name: "by hand", Groups: []string{"red"}})
		require.Equal(t, wire.KindReplay, p.Want().Kind)
		done := make(chan struct{}, senders)
		for from := range senders {
			go func() { w.sendRow(from, each); done <- struct{}{} }()
		}
		for n := range uint64(senders * each) {
			f := p.Want()
			require.Equal(t, wire.KindGroupCommand, f.Kind)
			_, number, _, err := wire.ParseGroup(f.Kind, f.Body)
			require.NoError(t, err)
			require.Equal(t, n+1, number)
		}
		for range senders {
			<-done
		}
		synctest.Wait()
		require.Len(t, got[0].All(), senders*each)
		require.Equal(t, got[0].All(), got[1].All())
		require.Equal(t, got[0].All(), got[2].All())
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
		for _, cl := range w.clients {
			cl.Close()
		}
	})
}
