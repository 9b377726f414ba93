//go:build !js

package hostile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

var handshakeAttacks = map[string]attack{
	"hello that announces 1 GiB": {
		tries: [2]int{30, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for range tries {
				p := a.raw()
				p.Send(coretest.Preface(binary.AppendUvarint(nil, 1<<30)), []byte{byte(wire.KindHello)})
				a.refuses(p, core.CodeTooBig)
			}
			a.worst()
			return "refused: too big"
		},
	},
	"hello byte by byte": {
		opts:  core.ServerOptions{Timeouts: core.Timeouts{Hello: 700 * time.Millisecond}},
		tries: [2]int{30, 300}, grows: 32 << 10,
		run: dripHello,
	},
	"storm of connections": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxConnsPerAddr: honestClients + 20}},
		tries: [2]int{150, 5000}, grows: 16 << 10,
		run: connectStorm,
	},
	"half open handshakes": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxHandshakes: 50}, Timeouts: core.Timeouts{Hello: 2 * time.Second}},
		tries: [2]int{150, 1500}, grows: 64 << 10,
		run: halfOpen,
	},
	"flood of suspended sessions": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxConns: honestClients + 40}},
		tries: [2]int{150, 5000}, grows: 64 << 10,
		run: suspendMany,
	},
	"sends on after the end": {
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: sendsOn,
	},
	"header of a proxy from nobody": {
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: claimsToBeAProxy,
	},
}

// dripHello sends many hellos in single bytes at once. None of them is complete in time.
func dripHello(a *arena, tries int) string {
	var peers []*coretest.Peer
	for range tries {
		peers = append(peers, a.raw())
	}
	slow := coretest.Hello(wire.Hello{Name: strings.Repeat("n", 100), Metadata: map[string]string{"k": strings.Repeat("v", 4000)}})
	for i := range 50 { // 50 of some 4000 bytes
		for _, p := range peers {
			p.Tell(slow[i : i+1])
		}
		time.Sleep(5 * time.Millisecond)
	}
	a.worst()
	for _, p := range peers {
		a.refuses(p, core.CodeHelloTimeout)
	}
	return "refused: hello timeout"
}

// connectStorm takes all the places of its address, and tries for more.
func connectStorm(a *arena, tries int) string {
	for range 20 {
		a.hello(wire.Hello{Name: "storm"})
	}
	results := make(chan error, tries)
	work := make(chan struct{}, tries)
	for range tries {
		work <- struct{}{}
	}
	close(work)
	for range 8 {
		go func() {
			for range work {
				cl := harness.NewClient(a.net.Dialer, &core.ClientOptions{Name: "storm", Retry: core.Retry{Off: true}})
				results <- cl.Connect(a.Context())
			}
		}()
	}
	for range tries {
		require.Equal(a, core.CodeTooManyConns.String(), core.CodeOf(<-results).String())
	}
	a.worst()
	require.EqualValues(a, 20, a.joined.Load())
	return "20 places, and refused: too many connections"
}

// halfOpen begins more handshakes than there may be, and completes none. A newcomer that comes
// meanwhile is let in, and so is a client that resumes.
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

// turnedAway reads the code with which a newcomer is refused, or CodeConnLost if it is told none,
// and hangs up.
func (a *arena) turnedAway(p *coretest.Peer) core.Code {
	defer p.Stream.Close()
	f, err := p.Frame(0)
	if err != nil {
		require.False(a, errors.As(err, new(*wire.Error)), "%v", err)
		return core.CodeConnLost
	}
	require.Equal(a, wire.KindRefuse.String(), f.Kind.String())
	no, err := wire.ParseRefuse(f.Body)
	require.NoError(a, err)
	return no.Code
}

// suspendMany leaves more suspended sessions than there may be clients. A newcomer still has a
// place.
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

// sendsOn floods after it has been refused or ended.
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

// claimsToBeAProxy sends headers of the PROXY protocol. One of them announces 64 KiB and has more
// bytes after it. None of them becomes an address.
func claimsToBeAProxy(a *arena, tries int) string {
	headers := [][]byte{
		[]byte("PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n"),
		append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"), bytes.Repeat([]byte{203, 0, 113, 7}, 16<<10)...),
	}
	for i := range tries {
		p := a.raw()
		p.Tell(headers[i%len(headers)])
		require.Equal(a, core.CodeConnLost, a.turnedAway(p), "it is told nothing")
	}
	a.worst()
	for _, addr := range a.srv.Addrs() {
		require.NotContains(a, addr, "203.0.113.7")
	}
	return "closed: not native"
}
