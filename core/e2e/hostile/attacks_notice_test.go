//go:build !js

package hostile_test

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

var noticeAttacks = map[string]attack{
	"changes itself before slow listeners": {
		// Changes have no limit, so the bound of the notices must hold by itself. Clients that read
		// nothing are not ended.
		opts:  core.ServerOptions{Limits: core.Limits{ChangeRate: -1, MaxCalls: -1}, Access: core.Access{Notices: harness.TellEverything}, Timeouts: core.Timeouts{Write: -1, Heartbeat: -1}},
		tries: [2]int{1500, 60_000}, grows: 32 << 10,
		run: changeAllTheTime,
	},
}

const slowListeners = 20

// changeAllTheTime renames a client that is in many long groups, and has similar clients come and
// go. Meanwhile clients that have asked for notices read nothing.
func changeAllTheTime(a *arena, tries int) string {
	var listeners []*coretest.Peer
	for i := range slowListeners {
		p, welcome := a.hello(wire.Hello{Name: fmt.Sprint("listener ", i), Notices: true, Resume: i%2 == 0})
		require.True(a, welcome.Notices)
		listeners = append(listeners, p)
	}
	var groups []string
	for i := range 64 {
		groups = append(groups, fmt.Sprintf("%03d", i)+strings.Repeat("g", 120))
	}
	mallory, _ := a.hello(wire.Hello{Name: "mallory", Groups: groups})
	require.NoError(a, mallory.Stream.SetReadDeadline(time.Time{}))
	go io.Copy(io.Discard, mallory.Stream) //nolint:errcheck // the answers
	in := 0
	for i := range tries {
		ask := wire.AppendAsk(nil, wire.KindAskRename, uint64(i+1), fmt.Sprint("m", i))
		in += len(ask)
		mallory.Send(ask)
		if i%10 == 0 {
			p, _ := a.hello(wire.Hello{Name: "loop", Groups: groups})
			a.goes(p)
		}
	}
	last := fmt.Sprint("m", tries-1)
	require.Eventually(a, func() bool { _, err := a.srv.Client(last); return err == nil }, 4*time.Minute, time.Millisecond)
	a.worst()
	require.Zero(a, a.srv.Stats().SlowConsumers)
	require.Zero(a, a.srv.Stats().Dropped)
	most := 0
	for _, p := range listeners {
		most = max(most, a.knows(p, last))
	}
	a.Logf("soak: %d B in, %d changes; %d B at most for one of %d listeners", in, tries+tries/5, most, slowListeners)
	return "nobody is disconnected, and all know its last name"
}

// knows reads the notices of a listener until it knows of a client with that name and of none
// called loop. It returns about how many bytes it has read.
func (a *arena) knows(p *coretest.Peer, name string) (read int) {
	require.NoError(a, p.Stream.SetReadDeadline(time.Now().Add(30*time.Second)))
	called, loops := "mallory", 0
	for called != name || loops > 0 {
		f, err := p.Frame(0)
		require.NoError(a, err)
		read += len(f.Body) + 2
		switch f.Kind {
		case wire.KindJoined, wire.KindLeft:
			who, err := wire.ParsePresence(f.Body, nil)
			require.NoError(a, err)
			switch {
			case who.Name != "loop" && f.Kind == wire.KindJoined && strings.HasPrefix(who.Name, "m"):
				called = who.Name // it may have another name by the time at which the listener is told of it
			case who.Name != "loop":
			case f.Kind == wire.KindJoined:
				loops++
			default:
				loops--
			}
		case wire.KindRenamed:
			old, now, _, err := wire.ParseRenamed(f.Body, nil)
			require.NoError(a, err)
			require.Equal(a, called, old)
			called = now
		case wire.KindGoodbye:
			require.Fail(a, "disconnected")
		}
	}
	return read
}
