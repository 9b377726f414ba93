//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// Each of these inputs ends a connection that is in use. The peer and the program are told why, and no
// other client notices.
func TestBadFrames(t *testing.T) {
	tests := map[string]struct {
		in     []byte
		code   core.Code
		reason string
	}{
		"length over the limit":         {binary.AppendUvarint(nil, 1<<20+1), core.CodeTooBig, "exceeds limit 1048576 B"},
		"length of 1 GiB":               {binary.AppendUvarint(nil, 1<<30), core.CodeTooBig, "1073741824 B exceeds"},
		"length of 2^63":                {binary.AppendUvarint(nil, 1<<63), core.CodeTooBig, "exceeds limit"},
		"length longer than needed":     {[]byte{0x8a, 0x00}, core.CodeProtocol, "frame length"},
		"length over 64 bits":           {append(bytes.Repeat([]byte{0xff}, 9), 2), core.CodeProtocol, "frame length"},
		"length 0":                      {[]byte{0}, core.CodeProtocol, "frame length 0"},
		"unknown kind 0x05":             {[]byte{1, 0x05}, core.CodeProtocol, "unknown frame kind 0x05"},
		"unknown kind 0x7f":             {[]byte{200, 1, 0x7f}, core.CodeProtocol, "unknown frame kind 0x7f"},
		"second hello":                  {wire.AppendHello(nil, &wire.Hello{Name: "eve"}), core.CodeProtocol, "hello frame after the handshake"},
		"second preface":                {[]byte(wire.Preface), core.CodeProtocol, "frame length 0"},
		"welcome":                       {wire.AppendWelcome(nil, &wire.Welcome{Name: "eve"}), core.CodeProtocol, "welcome frame"},
		"refuse":                        {wire.AppendRefuse(nil, wire.Goodbye{}), core.CodeProtocol, "refuse frame"},
		"joined":                        {wire.AppendJoined(nil, &wire.Presence{Name: "eve"}), core.CodeProtocol, "joined frame from a client"},
		"left":                          {wire.AppendLeft(nil, &wire.Presence{Name: "eve"}), core.CodeProtocol, "left frame from a client"},
		"renamed":                       {wire.AppendRenamed(nil, "eve", "ada", ""), core.CodeProtocol, "renamed frame from a client"},
		"ack of more than was sent":     {wire.AppendAck(nil, 1), core.CodeProtocol, "ack of more than was sent"},
		"ack of 2^64-1":                 {wire.AppendAck(nil, 1<<64-1), core.CodeProtocol, "ack of more than was sent"},
		"command with a long name left": {wire.AppendFrame(nil, wire.KindCommand, []byte{200, 1, 'x'}), core.CodeProtocol, "200 B announced"},
		"call without an id":            {wire.AppendFrame(nil, wire.KindRequest), core.CodeProtocol, "cut short"},
		"ping with a tail":              {wire.AppendFrame(nil, wire.KindPing, []byte{1, 2}), core.CodeProtocol, "too many"},
		"failure with code 0":           {wire.AppendFrame(nil, wire.KindFailure, []byte{1, 0, 0, 0}), core.CodeProtocol, "code"},
		"goodbye with a huge reason": {
			wire.AppendFrame(nil, wire.KindGoodbye, []byte{1}, text(strings.Repeat("x", 2000)), []byte{0}),
			core.CodeTooBig, "2000 B exceeds limit",
		},
		"goodbye not in UTF-8": {
			wire.AppendFrame(nil, wire.KindGoodbye, []byte{1}, text(coretest.Nasty["not UTF-8"]), []byte{0}),
			core.CodeProtocol, "not UTF-8",
		},
		"join group":           {wire.AppendJoinGroup(nil, "red"), core.CodeProtocol, "join group frame from a client"},
		"leave group":          {wire.AppendLeaveGroup(nil, "red"), core.CodeProtocol, "leave group frame from a client"},
		"rename":               {wire.AppendRename(nil, "eve"), core.CodeProtocol, "rename frame from a client"},
		"ask join with a tail": {wire.AppendFrame(nil, wire.KindAskJoin, []byte{1, 1, 'g', 5, 0, 0}), core.CodeProtocol, "too many"},
		"ask join, no epoch":   {wire.AppendFrame(nil, wire.KindAskJoin, []byte{1, 1, 'g', 0, 0}), core.CodeProtocol, "epoch: 0"},
		"replay":               {wire.AppendReplay(nil, &wire.Replay{Group: "red", Epoch: 1}), core.CodeProtocol, "replay frame from a client"},
		"replay end":           {wire.AppendReplayEnd(nil, "red"), core.CodeProtocol, "replay end frame from a client"},
		"group command":        {wire.AppendGroupCommand(nil, "red", 1, "say", nil), core.CodeProtocol, "group command frame from a client"},
		"group raw":            {wire.AppendGroupRaw(nil, "red", 1, nil), core.CodeProtocol, "group raw frame from a client"},
		"group passed":         {wire.AppendGroupPassed(nil, "red", 1), core.CodeProtocol, "group passed frame from a client"},
		"ask leave, cut short": {wire.AppendFrame(nil, wire.KindAskLeave, []byte{1, 9, 'g'}), core.CodeProtocol, "9 B announced"},
		"ask without an id":    {wire.AppendFrame(nil, wire.KindAskRename), core.CodeProtocol, "cut short"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
				s := harness.NewScene(t, n, nil)
				p := s.Hello("mallory")
				s.Check()
				p.Send(tc.in)
				p.WantGoodbye(tc.code, tc.reason)
				f := s.WantFault(tc.code, tc.reason)
				require.Equal(t, "mallory", f.Conn.Name())
				require.False(t, core.IsRemote(f.Err))
				s.Check()
				s.WantLeft("mallory", tc.code)
				s.Log.RequireLogged(t, "warn", tc.reason)
				s.Check()
				s.WantQuiet()
			})
		})
	}
}

// text returns a string of any bytes in the form of the wire.
func text(s string) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(s))), s...)
}

// A golden is a row of the files that define the format for all implementations.
type golden struct {
	Name string    `json:"name"`
	Kind string    `json:"kind"`
	Hex  string    `json:"hex"`
	Code wire.Code `json:"code"`
}

func (g golden) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(g.Hex)
	require.NoError(t, err)
	return b
}

func goldens(t testing.TB, file string) (rows []golden) {
	b, err := os.ReadFile("../../wire/testdata/" + file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &rows))
	require.NotEmpty(t, rows)
	return rows
}

// Each golden fault ends the connection of a client, or refuses a newcomer, with its code.
func TestGoldenFaults(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		for _, g := range goldens(t, "faults.json") {
			what, _, _ := strings.Cut(g.Name, ":")
			if g.Name == "hello: metadata too long" {
				continue // a server bounds the hello as a whole
			}
			switch what {
			case "joined", "left", "renamed", "join group", "leave group", "rename", "welcome", "refuse",
				"replay", "replay end", "group command", "group raw", "group passed": // not for a client to send: see TestBadFrames
			case "stream item", "stream end", "stream credit": // for unknown streams
			case "hello":
				p := n.Raw(t)
				p.Send([]byte(wire.Preface), g.bytes(t))
				f := coretest.Next(t, s.Faults)
				require.Nil(t, f.Conn, g.Name)
				require.Equal(t, g.Code.String(), core.CodeOf(f.Err).String(), g.Name)
				p.WantRefuse(g.Code, "")
			default:
				p := s.Hello("mallory")
				p.Send(g.bytes(t))
				p.WantGoodbye(g.Code, "")
				s.WantLeft("mallory", g.Code)
				s.WantFault(g.Code, "")
			}
			s.Check()
		}
		s.WantQuiet()
	})
}

// A stream that ends in the middle of a frame is lost. The program is told.
func TestTruncatedFrames(t *testing.T) {
	whole := wire.AppendCommand(nil, "say", bytes.Repeat([]byte("x"), 300))
	tests := map[string][]byte{
		"no goodbye":            nil,
		"half a length":         whole[:1],
		"no kind":               whole[:2],
		"half a name":           whole[:5],
		"half a payload":        whole[:100],
		"one byte missing":      whole[:len(whole)-1],
		"only a long length":    binary.AppendUvarint(nil, 1<<20),
		"part of a large frame": append(binary.AppendUvarint(nil, 1<<20), bytes.Repeat([]byte{0x80}, 40<<10)...),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Each(t, func(t *testing.T, n *harness.Network) {
				s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
					s.Server.OnBytes("say", func(context.Context, *core.Conn, []byte) error {
						return core.NewError(core.CodeApplication, "ran with half a payload")
					})
				})
				p := s.Hello("mallory")
				p.Send(in)
				s.Check()
				require.NoError(t, p.Stream.CloseWrite())
				why := s.WantLeft("mallory", core.CodeConnLost)
				require.False(t, core.IsRemote(why))
				p.WantEnd()
				s.Check()
				s.WantQuiet()
			})
		})
	}
}

// Frames that are skipped or answered do not affect the connection.
func TestFramesThatAreSkipped(t *testing.T) {
	tests := map[string][]byte{
		"unknown kind 0x80":          wire.AppendFrame(nil, 0x80),
		"unknown kind 0xff, large":   wire.AppendFrame(nil, 0xff, make([]byte, 300<<10)),
		"reply to nothing":           wire.AppendReply(nil, 7, []byte("x")),
		"failure of nothing":         wire.AppendFailure(nil, 7, wire.Goodbye{Code: core.CodeInternal, Reason: coretest.EveryNasty()}),
		"cancel of nothing":          wire.AppendCancel(nil, 7),
		"stream item of nothing":     wire.AppendStreamItem(nil, 7, []byte("x")),
		"stream end of nothing":      wire.AppendStreamEnd(nil, 7, wire.Goodbye{}),
		"stream part of nothing":     wire.AppendStreamPart(nil, 7, []byte("x")),
		"stream credit of nothing":   wire.AppendStreamCredit(nil, 7, 1<<20),
		"pong that nobody asked for": wire.AppendPong(nil, 99),
		"ack of nothing":             wire.AppendAck(nil, 0),
	}
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("mallory")
		for name, in := range tests {
			t.Run(name, func(t *testing.T) {
				p.T = t
				p.Send(in)
				p.StillThere()
				s.Check()
				s.WantQuiet()
			})
		}
		p.T = t
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
		p.WantEnd()
		s.WantLeft("mallory", core.CodeClosed)
	})
}
