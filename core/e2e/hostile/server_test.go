//go:build !js

package hostile_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A client leaves a server that turns bad after its welcome, and tells it why.
func TestServerTurnsBad(t *testing.T) {
	tests := map[string]struct {
		in   []byte
		code core.Code
		part string
	}{
		"unknown frame":          {[]byte{9, 0x6f}, core.CodeProtocol, "unknown frame"},
		"frame of 1 GiB":         {binary.AppendUvarint(nil, 1<<30), core.CodeTooBig, "1073741824 B exceeds"},
		"second welcome":         {coretest.Welcome(), core.CodeProtocol, "welcome frame after the handshake"},
		"refuse":                 {refuse(core.CodeShutdown, ""), core.CodeProtocol, "refuse frame after the handshake"},
		"hello":                  {wire.AppendHello(nil, &wire.Hello{}), core.CodeProtocol, "hello frame after the handshake"},
		"zeros":                  {make([]byte, 100), core.CodeProtocol, "frame length 0"},
		"nasty text":             {[]byte(coretest.EveryNasty()), core.CodeProtocol, ""},
		"ack of too much":        {wire.AppendAck(nil, 1), core.CodeProtocol, "ack of more than was sent"},
		"joined of a nasty name": {wire.AppendJoined(nil, &wire.Presence{Name: coretest.Nasty["escape sequence"]}), core.CodeBadName, "name"},
		"left of a nasty group":  {wire.AppendLeft(nil, &wire.Presence{Groups: []string{coretest.Nasty["newline"]}}), core.CodeBadName, "group"},
		"joined, cut short":      {wire.AppendFrame(nil, wire.KindJoined, []byte{9}), core.CodeProtocol, "announced"},
		"renamed, nasty before":  {wire.AppendRenamed(nil, coretest.Nasty["newline"], "", ""), core.CodeBadName, "old name"},
		"renamed, cut short":     {wire.AppendFrame(nil, wire.KindRenamed, []byte{0}), core.CodeProtocol, "cut short"},
		"rename to a nasty name": {wire.AppendRename(nil, coretest.Nasty["escape sequence"]), core.CodeBadName, "name"},
		"group not in UTF-8":     {wire.AppendJoinGroup(nil, coretest.Nasty["not UTF-8"]), core.CodeBadName, "not UTF-8"},
		"asks to join":           {wire.AppendAsk(nil, wire.KindAskJoin, 1, "red"), core.CodeProtocol, "ask join frame from a server"},
		"asks to leave":          {wire.AppendAsk(nil, wire.KindAskLeave, 1, "red"), core.CodeProtocol, "ask leave frame from a server"},
		"asks for a name":        {wire.AppendAsk(nil, wire.KindAskRename, 1, "eve"), core.CodeProtocol, "ask rename frame from a server"},
		"endless goodbye":        {wire.AppendFrame(nil, wire.KindGoodbye, []byte{1}, text(strings.Repeat("b", 2000)), []byte{0}), core.CodeTooBig, "2000 B exceeds"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
				ctx, cancel := coretest.Patient()
				defer cancel()
				server := n.Accept(t, func(p *coretest.Peer) error {
					if _, err := p.Stream.WriteBuffers([][]byte{coretest.Welcome(), tc.in}); err != nil {
						return err
					}
					bye, err := p.ReadGoodbye()
					if err == nil && (bye.Code != tc.code || coretest.NotLoggable(bye.Reason) != "") {
						err = errors.New("goodbye with " + bye.Code.String() + ": " + bye.Reason)
					}
					return err
				})
				cl, w := n.Connect(t, nil)
				require.NoError(t, cl.Connect(ctx))
				why := w.WantEnd(t, cl, tc.code, tc.part)
				require.False(t, core.IsRemote(why))
				require.NoError(t, coretest.Next(t, server))
				require.Equal(t, tc.code, core.CodeOf(coretest.Next(t, w.Faults).Err))
				require.Equal(t, tc.code, core.CodeOf(cl.Send("say", "x")))
			})
		})
	}
}

// The end of a server ends everything that waits for it, with the server's reason.
func TestServerEnds(t *testing.T) {
	tests := map[string]struct {
		in     []byte
		code   core.Code
		part   string
		remote bool
	}{
		"goodbye":                {wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeShutdown, Reason: "for tea"}), core.CodeShutdown, "for tea", true},
		"goodbye in nasty words": {wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeApplication, Reason: coretest.EveryNasty()}), core.CodeApplication, coretest.NastyMark, true},
		"no goodbye":             {nil, core.CodeConnLost, "", false},
		"half a frame":           {[]byte{20, 0x10, 1}, core.CodeConnLost, "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
				ctx, cancel := coretest.Patient()
				defer cancel()
				calling := make(chan struct{})
				server := n.Accept(t, func(p *coretest.Peer) error {
					if _, err := p.Stream.Write(coretest.Welcome()); err != nil {
						return err
					}
					if err := p.Read(); err != nil { // the call
						return err
					}
					close(calling)
					return coretest.SaysAndLeaves(tc.in)(p)
				})
				cl, w := n.Connect(t, nil)
				require.NoError(t, cl.Connect(ctx))
				called := make(chan error, 1)
				go func() {
					_, err := cl.CallBytes(ctx, "wait", nil)
					called <- err
				}()
				received := make(chan error, 1)
				go func() {
					_, err := cl.RecvRaw(ctx)
					received <- err
				}()
				<-calling
				require.Equal(t, tc.remote, core.IsRemote(w.WantEnd(t, cl, tc.code, tc.part)))
				require.NoError(t, coretest.Next(t, server))
				for _, failed := range []chan error{called, received} {
					err := coretest.Next(t, failed)
					require.Equal(t, tc.code.String(), core.CodeOf(err).String(), "%v", err)
					coretest.RequireLoggable(t, err.Error())
				}
			})
		})
	}
}

// Frames of a server that do not concern this client end nothing.
func TestServerSendsOddThings(t *testing.T) {
	harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
		ctx, cancel := coretest.Patient()
		defer cancel()
		var in []byte
		in = wire.AppendFrame(in, 0x9c, make([]byte, 100<<10))
		in = wire.AppendReply(in, 99, nil)
		in = wire.AppendFailure(in, 99, wire.Goodbye{Code: core.CodeInternal, Reason: coretest.EveryNasty()})
		in = wire.AppendCancel(in, 99)
		in = wire.AppendPong(in, 99)
		in = wire.AppendStreamItem(in, 99, nil)
		in = wire.AppendCommand(in, coretest.Nasty["escape sequence"], nil)
		in = wire.AppendCommand(in, "nobody takes this", []byte(coretest.EveryNasty()))
		in = wire.AppendLeaveGroup(in, "not mine")
		in = wire.AppendJoined(in, &wire.Presence{Name: strings.Repeat("long", 100), Addr: coretest.Nasty["newline"]})
		in = wire.AppendRequest(in, 1, "echo", []byte("are you well"))
		server := n.Accept(t, func(p *coretest.Peer) error {
			if _, err := p.Stream.WriteBuffers([][]byte{coretest.Welcome(), in}); err != nil {
				return err
			}
			f, err := p.Frame(0)
			if err == nil && f.Kind != wire.KindReply {
				err = errors.New("a " + f.Kind.String() + " frame instead of the reply")
			}
			return err
		})
		cl, w := n.Connect(t, nil)
		require.NoError(t, cl.Connect(ctx))
		require.NoError(t, coretest.Next(t, server))
		require.Equal(t, core.CodeBadName, core.CodeOf(coretest.Next(t, w.Faults).Err))
		require.Equal(t, core.CodeUnknownCommand, core.CodeOf(coretest.Next(t, w.Faults).Err))
		w.WantEnd(t, cl, core.CodeConnLost, "") // the script is over
		require.Empty(t, w.Faults)
	})
}
