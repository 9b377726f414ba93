//go:build !js

package hostile_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// Attacks on the places that a server has.
func init() {
	attacks["half open handshakes"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{MaxHandshakes: 50}, Timeouts: core.Timeouts{Hello: 2 * time.Second}},
		tries: [2]int{150, 1500}, grows: 64 << 10,
		run: halfOpen,
	}
	attacks["flood of suspended sessions"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{MaxConns: honestClients + 40}},
		tries: [2]int{150, 5000}, grows: 64 << 10,
		run: suspendMany,
	}
	attacks["sends on after the end"] = attack{
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: sendsOn,
	}
}

// halfOpen begins more handshakes than there may be, and ends none. Whoever comes meanwhile is let
// in, and whoever comes back as well.
func halfOpen(a *arena, tries int) string {
	_, session := a.hello(wire.Hello{Name: "victim", Resume: true})
	var peers []*coretest.Peer
	for i := range tries {
		p := a.raw()
		p.Tell([]byte(wire.Preface + "\x20"))
		peers = append(peers, p)
		if i%10 == 0 {
			cl := harness.NewClient(a.net.Dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
			require.NoError(a, cl.Connect(a.Context()))
			require.NoError(a, cl.Close())
			a.leaves(core.CodeClosed)
		}
	}
	_, welcome := a.hello(wire.Hello{Resume: true, Session: session.Session, Token: session.Token})
	require.True(a, welcome.Resumed)
	a.worst()
	told := map[core.Code]int{}
	for _, p := range peers {
		told[a.turnedAway(p)]++
	}
	require.Equal(a, tries, told[core.CodeHelloTimeout]+told[core.CodeConnLost], "%v", told)
	require.LessOrEqual(a, told[core.CodeHelloTimeout], 50)
	return "closed to make room, or refused: hello timeout"
}

// turnedAway reads why a newcomer is refused, CodeConnLost if it is not told, and hangs up.
func (a *arena) turnedAway(p *coretest.Peer) core.Code {
	defer p.Stream.Close()
	for {
		f, _, ok, err := wire.Next(p.In, 0)
		require.NoError(a, err)
		if ok {
			require.Equal(a, wire.KindRefuse.String(), f.Kind.String())
			no, err := wire.ParseRefuse(f.Body)
			require.NoError(a, err)
			return no.Code
		}
		if p.Read() != nil {
			return core.CodeConnLost
		}
	}
}

// suspendMany leaves more sessions behind than there may be clients. Whoever comes has a place all
// the same.
func suspendMany(a *arena, tries int) string {
	for i := range tries {
		p, _ := a.hello(wire.Hello{Name: "mallory", Resume: true})
		require.NoError(a, p.Stream.Close())
		require.LessOrEqual(a, a.srv.Stats().Conns, honestClients+40)
		if i%10 == 0 {
			cl := harness.NewClient(a.net.Dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
			require.NoError(a, cl.Connect(a.Context()))
			require.NoError(a, cl.Close())
		}
	}
	a.worst()
	require.NotZero(a, a.srv.Stats().GivenUp)
	return "sessions that make room for those who come"
}

// sendsOn floods after it has been refused, or ended.
func sendsOn(a *arena, tries int) string {
	junk := make([]byte, 64<<10)
	most := 0
	for i := range tries {
		p := a.raw()
		if i%2 == 0 {
			p.Send(coretest.Hello(wire.Hello{Name: "\n"}))
		} else {
			p.Send(coretest.Hello(wire.Hello{}), []byte{3, byte(wire.KindWelcome), 0, 0})
		}
		sent := 0
		for sent < 64<<20 {
			n, err := p.Stream.Write(junk)
			sent += n
			if err != nil {
				break
			}
		}
		most = max(most, sent)
	}
	a.worst()
	require.Less(a, most, 16<<20, "bytes that it got rid of, those in the system's buffers included")
	return "256 KiB are read, then the stream is closed"
}
