//go:build !js

package core_test

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

// A newcomer whose hello is wrong is told why with a refuse, and never becomes a client.
func TestBadHello(t *testing.T) {
	tests := map[string]struct {
		in     []byte // all that the newcomer sends
		code   core.Code
		reason string
	}{
		"another version of the framing": {[]byte("\x00HS\x02"), core.CodeVersion, "version 1"},
		"another version in the hello":   {hello(wire.Hello{Version: 2}), core.CodeVersion, "version 1"},
		"no version":                     {preface(wire.AppendFrame(nil, wire.KindHello)), core.CodeProtocol, "version"},
		"not a hello":                    {preface(wire.AppendCommand(nil, "say", nil)), core.CodeProtocol, "command frame before the hello"},
		"a welcome":                      {preface(wire.AppendWelcome(nil, &wire.Welcome{})), core.CodeProtocol, "welcome frame before the hello"},
		"unknown kind from 0x80":         {preface(wire.AppendFrame(nil, 0x80)), core.CodeProtocol, "before the hello"},
		"unknown kind below 0x80":        {preface([]byte{1, 0x40}), core.CodeProtocol, "unknown frame"},
		"length 0":                       {preface([]byte{0}), core.CodeProtocol, "frame length 0"},
		"length longer than needed":      {preface([]byte{0x84, 0x00, 1}), core.CodeProtocol, "frame length"},
		"length of 1 GiB":                {preface(binary.AppendUvarint(nil, 1<<30)), core.CodeTooBig, "1073741824 B exceeds limit 8192 B"},
		"length one over the limit":      {preface(binary.AppendUvarint(nil, 8<<10+1)), core.CodeTooBig, "exceeds limit 8192 B"},
		"really too long":                {hello(wire.Hello{Auth: make([]byte, 100<<10)}), core.CodeTooBig, "exceeds limit 8192 B"},
		"field of 1 GiB":                 {preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 4}, binary.AppendUvarint(nil, 1<<30))), core.CodeProtocol, "announced"},
		"name twice":                     {preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 2, 1, 'a', 2, 1, 'b'})), core.CodeProtocol, "twice"},
		"name too long":                  {hello(wire.Hello{Name: strings.Repeat("n", 129)}), core.CodeBadName, "129 B exceeds limit 128 B"},
		"group too long":                 {hello(wire.Hello{Groups: []string{strings.Repeat("g", 129)}}), core.CodeBadName, "129 B exceeds limit 128 B"},
		"empty group":                    {hello(wire.Hello{Groups: []string{""}}), core.CodeBadName, "empty"},
		"too many groups":                {hello(wire.Hello{Groups: manyGroups(65)}), core.CodeTooManyGroups, "64"},
		"metadata key twice":             {preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 5, 3, 1, 'k', 'v', 5, 3, 1, 'k', 'w'})), core.CodeProtocol, "twice"},
		"metadata not in UTF-8":          {hello(wire.Hello{Metadata: map[string]string{"k": nasty["not UTF-8"]}}), core.CodeProtocol, "not UTF-8"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			over(t, sockets, func(t *testing.T, n *network) {
				s := newScene(t, n, nil)
				p := n.raw(t)
				p.send(tc.in)
				s.check()
				p.wantRefuse(tc.code, tc.reason)
				s.wantRefused(tc.code, tc.reason)
				s.check()
				s.wantQuiet()
				require.Equal(t, 1, s.srv.Len())
			})
		})
	}
}

func preface(frame []byte) []byte { return append([]byte(wire.Preface), frame...) }

func manyGroups(n int) (groups []string) {
	for i := range n {
		groups = append(groups, "group "+strconv.Itoa(i))
	}
	return groups
}

// A hello that comes in single bytes is as good as one that comes at once.
func TestHelloByteByByte(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := n.raw(t)
		for _, b := range hello(wire.Hello{Name: "slow"}) {
			p.send([]byte{b})
		}
		require.Equal(t, wire.KindWelcome.String(), p.want().Kind.String())
		s.wantJoin("slow")
		p.stillThere()
	})
}

// cutShort are the ways to say hello in part.
func cutShort() map[string][]byte {
	whole := hello(wire.Hello{Name: "mallory"})
	return map[string][]byte{
		"nothing":          nil,
		"half a preface":   whole[:2],
		"only the preface": whole[:4],
		"half a hello":     whole[:len(whole)-1],
	}
}

// Who says nothing, or not enough, is told that it took too long.
func TestHelloThatNeverComes(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Timeouts: core.Timeouts{Hello: 500 * time.Millisecond}})
		var waiting []*peer
		for _, in := range cutShort() {
			p := n.raw(t)
			p.send(in)
			waiting = append(waiting, p)
		}
		s.check()
		for _, p := range waiting {
			p.wantRefuse(core.CodeHelloTimeout, "no hello in time")
			s.wantRefused(core.CodeHelloTimeout, "no hello in time")
		}
		s.check()
		s.wantQuiet()
	})
}

// A newcomer that leaves in the middle is no more than a line in the log.
func TestHelloCutShort(t *testing.T) {
	for name, in := range cutShort() {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, n *network) {
				s := newScene(t, n, nil)
				p := n.raw(t)
				p.send(in)
				require.NoError(t, p.stream.CloseWrite())
				s.wantRefused(core.CodeConnLost, "left during the handshake")
				p.wantEnd()
				s.check()
				s.wantQuiet()
			})
		})
	}
}

// Whatever a hello holds that its program may see, it is in the log only when it is harmless.
func TestNastyHello(t *testing.T) {
	for name, text := range nasty {
		t.Run(name, func(t *testing.T) {
			over(t, sockets, func(t *testing.T, n *network) {
				s := newScene(t, n, nil)
				for _, h := range []wire.Hello{{Name: text}, {Name: "eve", Groups: []string{"fine", text}}} {
					p := n.raw(t)
					p.send(hello(h))
					p.wantRefuse(core.CodeBadName, nastyMark)
					s.wantRefused(core.CodeBadName, nastyMark)
					s.check()
				}
				s.wantQuiet()
			})
		})
	}
}

// A name that somebody has is refused where names are unique, without disturbing its owner.
func TestNameTaken(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Access: core.Access{UniqueNames: true}})
		p := n.raw(t)
		p.send(hello(wire.Hello{Name: "good"}))
		p.wantRefuse(core.CodeNameTaken, "good")
		s.wantRefused(core.CodeNameTaken, "good")
		s.check()

		second := s.client(n, &core.ClientOptions{Name: "good"})
		err := second.Connect(s.ctx)
		require.Equal(t, core.CodeNameTaken, core.CodeOf(err))
		require.True(t, core.IsRemote(err))
		s.wantRefused(core.CodeNameTaken, "good")
		s.check()
		s.wantQuiet()
	})
}

// The hello may be followed by anything at once; nothing of it is lost or taken for a hello.
func TestFramesBehindTheHello(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := n.raw(t)
		big := bytes.Repeat([]byte("b"), 100<<10)
		p.send(wire.AppendRequest(hello(wire.Hello{Name: "hasty"}), 1, "echo", big))
		require.Equal(t, wire.KindWelcome.String(), p.want().Kind.String())
		s.wantJoin("hasty")
		require.Equal(t, string(big), p.wantReply(1))
		p.stillThere()
	})
}
