//go:build !js

package hostile_test

import (
	"bytes"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["flood without a limit"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: -1, ByteRate: -1}},
		tries: [2]int{3, 1000}, grows: 32 << 10,
		run: floodBeside,
	}
}

// floodBeside sends small commands on 32 connections as fast as they are read, 20,000 at a time.
// BenchmarkFlood has how long others wait meanwhile.
func floodBeside(a *arena, tries int) string {
	const flooders, each = 32, 20_000
	flood := bytes.Repeat(wire.AppendCommand(nil, "flood", nil), each)
	sent := make(chan error, flooders)
	var peers []*coretest.Peer
	for range flooders {
		p, _ := a.hello(wire.Hello{})
		peers = append(peers, p)
	}
	for _, p := range peers {
		go func() {
			for range tries {
				if _, err := p.Stream.Write(flood); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
	}
	for range flooders {
		require.NoError(a, <-sent)
	}
	a.worst()
	all := int64(flooders * tries * each)
	require.Eventually(a, func() bool { return a.handled.Load() == all }, 2*time.Minute, time.Millisecond)
	for _, p := range peers {
		p.StillThere()
	}
	require.Equal(a, all, a.handled.Load())
	return "its share of the processors"
}
