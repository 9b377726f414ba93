//go:build !js

package hostile_test

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

var frameAttacks = map[string]attack{
	"frames of unknown kinds": {
		tries: [2]int{60, 1000}, grows: 16 << 10,
		run: unknownKinds,
	},
	"frames over the limit": {
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for i := range tries {
				p, _ := a.hello(wire.Hello{})
				p.Send(binary.AppendUvarint(nil, 1<<20+1+uint64(1)<<(i%40)), []byte{byte(wire.KindRaw)})
				a.ends(p, core.CodeTooBig)
			}
			a.worst()
			return "disconnected: too big"
		},
	},
	"frames that are begun and not ended": {
		opts:  core.ServerOptions{Timeouts: core.Timeouts{Frame: 500 * time.Millisecond}},
		tries: [2]int{30, 300}, grows: 32 << 10,
		run: func(a *arena, tries int) string {
			var peers []*coretest.Peer
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Send(binary.AppendUvarint(nil, 8<<10), []byte{byte(wire.KindRaw)}, make([]byte, 100))
				peers = append(peers, p)
			}
			a.worst()
			for _, p := range peers {
				a.ends(p, core.CodeDeadlineExceeded)
			}
			return "disconnected: deadline exceeded"
		},
	},
}

// unknownKinds sends a frame of every kind that a client must not send, and of every kind that is
// skipped.
func unknownKinds(a *arena, tries int) string {
	var bad []byte
	for k := range 0x80 {
		if kind := wire.Kind(k); !kind.Known() {
			bad = append(bad, byte(k))
		}
	}
	bad = append(bad, byte(wire.KindHello), byte(wire.KindWelcome), byte(wire.KindRefuse), byte(wire.KindJoined), byte(wire.KindLeft), byte(wire.KindRenamed),
		byte(wire.KindJoinGroup), byte(wire.KindLeaveGroup), byte(wire.KindRename))
	skipped, _ := a.hello(wire.Hello{})
	for i := range tries {
		p, _ := a.hello(wire.Hello{})
		p.Tell([]byte{3, bad[i%len(bad)], 0, 0})
		a.ends(p, core.CodeProtocol)
		skipped.Send(wire.AppendFrame(nil, wire.Kind(0x80+i%0x80), []byte(fmt.Sprint(i))))
	}
	a.worst()
	skipped.StillThere()
	return "disconnected: protocol error; from 0x80 on skipped"
}
