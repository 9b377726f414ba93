//go:build !js

package hostile_test

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
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
		"another version in the hello":   {coretest.Hello(wire.Hello{Version: 2}), core.CodeVersion, "version 1"},
		"no version":                     {coretest.Preface(wire.AppendFrame(nil, wire.KindHello)), core.CodeProtocol, "version"},
		"not a hello":                    {coretest.Preface(wire.AppendCommand(nil, "say", nil)), core.CodeProtocol, "command frame before the hello"},
		"a welcome":                      {coretest.Preface(wire.AppendWelcome(nil, &wire.Welcome{})), core.CodeProtocol, "welcome frame before the hello"},
		"unknown kind from 0x80":         {coretest.Preface(wire.AppendFrame(nil, 0x80)), core.CodeProtocol, "before the hello"},
		"unknown kind below 0x80":        {coretest.Preface([]byte{1, 0x40}), core.CodeProtocol, "unknown frame"},
		"length 0":                       {coretest.Preface([]byte{0}), core.CodeProtocol, "frame length 0"},
		"length longer than needed":      {coretest.Preface([]byte{0x84, 0x00, 1}), core.CodeProtocol, "frame length"},
		"length of 1 GiB":                {coretest.Preface(binary.AppendUvarint(nil, 1<<30)), core.CodeTooBig, "1073741824 B exceeds limit 8192 B"},
		"length one over the limit":      {coretest.Preface(binary.AppendUvarint(nil, 8<<10+1)), core.CodeTooBig, "exceeds limit 8192 B"},
		"really too long":                {coretest.Hello(wire.Hello{Auth: make([]byte, 100<<10)}), core.CodeTooBig, "exceeds limit 8192 B"},
		"field of 1 GiB":                 {coretest.Preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 4}, binary.AppendUvarint(nil, 1<<30))), core.CodeProtocol, "announced"},
		"name twice":                     {coretest.Preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 2, 1, 'a', 2, 1, 'b'})), core.CodeProtocol, "twice"},
		"name too long":                  {coretest.Hello(wire.Hello{Name: strings.Repeat("n", 129)}), core.CodeBadName, "129 B exceeds limit 128 B"},
		"group too long":                 {coretest.Hello(wire.Hello{Groups: []string{strings.Repeat("g", 129)}}), core.CodeBadName, "129 B exceeds limit 128 B"},
		"empty group":                    {coretest.Hello(wire.Hello{Groups: []string{""}}), core.CodeBadName, "empty"},
		"too many groups":                {coretest.Hello(wire.Hello{Groups: manyGroups(65)}), core.CodeTooManyGroups, "64"},
		"metadata key twice":             {coretest.Preface(wire.AppendFrame(nil, wire.KindHello, []byte{1, 1, 1, 5, 3, 1, 'k', 'v', 5, 3, 1, 'k', 'w'})), core.CodeProtocol, "twice"},
		"metadata not in UTF-8":          {coretest.Hello(wire.Hello{Metadata: map[string]string{"k": coretest.Nasty["not UTF-8"]}}), core.CodeProtocol, "not UTF-8"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
				s := harness.NewScene(t, n, nil)
				p := n.Raw(t)
				p.Send(tc.in)
				s.Check()
				p.WantRefuse(tc.code, tc.reason)
				s.WantRefused(tc.code, tc.reason)
				s.Check()
				s.WantQuiet()
				require.Equal(t, 1, s.Server.Len())
			})
		})
	}
}

func manyGroups(n int) (groups []string) {
	for i := range n {
		groups = append(groups, "group "+strconv.Itoa(i))
	}
	return groups
}

// A hello that comes in single bytes is as good as a hello that comes at once.
func TestHelloByteByByte(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := n.Raw(t)
		for _, b := range coretest.Hello(wire.Hello{Name: "slow"}) {
			p.Send([]byte{b})
		}
		require.Equal(t, wire.KindWelcome.String(), p.Want().Kind.String())
		s.WantJoin("slow")
		p.StillThere()
	})
}

// cutShort returns incomplete hellos.
func cutShort() map[string][]byte {
	whole := coretest.Hello(wire.Hello{Name: "mallory"})
	return map[string][]byte{
		"nothing":          nil,
		"half a preface":   whole[:2],
		"only the preface": whole[:4],
		"half a hello":     whole[:len(whole)-1],
	}
}

// A newcomer that sends no complete hello is told that it took too long.
func TestHelloThatNeverComes(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Timeouts: core.Timeouts{Hello: 500 * time.Millisecond}})
		var waiting []*coretest.Peer
		for _, in := range cutShort() {
			p := n.Raw(t)
			p.Send(in)
			waiting = append(waiting, p)
		}
		s.Check()
		for _, p := range waiting {
			p.WantRefuse(core.CodeHelloTimeout, "no hello in time")
			s.WantRefused(core.CodeHelloTimeout, "no hello in time")
		}
		s.Check()
		s.WantQuiet()
	})
}

// A newcomer that leaves in the middle of its hello is only logged.
func TestHelloCutShort(t *testing.T) {
	for name, in := range cutShort() {
		t.Run(name, func(t *testing.T) {
			harness.Each(t, func(t *testing.T, n *harness.Network) {
				s := harness.NewScene(t, n, nil)
				p := n.Raw(t)
				p.Send(in)
				require.NoError(t, p.Stream.CloseWrite())
				s.WantRefused(core.CodeConnLost, "left during the handshake")
				p.WantEnd()
				s.Check()
				s.WantQuiet()
			})
		})
	}
}

// The texts of a hello reach the log only in a harmless form.
func TestNastyHello(t *testing.T) {
	for name, text := range coretest.Nasty {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
				s := harness.NewScene(t, n, nil)
				for _, h := range []wire.Hello{{Name: text}, {Name: "eve", Groups: []string{"fine", text}}} {
					p := n.Raw(t)
					p.Send(coretest.Hello(h))
					p.WantRefuse(core.CodeBadName, coretest.NastyMark)
					s.WantRefused(core.CodeBadName, coretest.NastyMark)
					s.Check()
				}
				s.WantQuiet()
			})
		})
	}
}

// A unique name that is taken is refused. Its owner is not disturbed.
func TestNameTaken(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Access: core.Access{UniqueNames: true}})
		p := n.Raw(t)
		p.Send(coretest.Hello(wire.Hello{Name: "good"}))
		p.WantRefuse(core.CodeNameTaken, "good")
		s.WantRefused(core.CodeNameTaken, "good")
		s.Check()

		second := s.Client(n, &core.ClientOptions{Name: "good"})
		err := second.Connect(s.Ctx)
		require.Equal(t, core.CodeNameTaken, core.CodeOf(err))
		require.True(t, core.IsRemote(err))
		s.WantRefused(core.CodeNameTaken, "good")
		s.Check()
		s.WantQuiet()
	})
}

// Any frames may follow the hello at once. Nothing of them is lost or taken for the hello.
func TestFramesBehindTheHello(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := n.Raw(t)
		big := bytes.Repeat([]byte("b"), 100<<10)
		p.Send(wire.AppendRequest(coretest.Hello(wire.Hello{Name: "hasty"}), 1, "echo", big))
		require.Equal(t, wire.KindWelcome.String(), p.Want().Kind.String())
		s.WantJoin("hasty")
		require.Equal(t, string(big), p.WantReply(1))
		p.StillThere()
	})
}
