package load

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A relay sends its publisher's messages to receivers of all groups. spoil returns how many times
// receiver i, in the order of their coming, gets message n.
type relay struct {
	spoil func(i, n int) int

	mu        sync.Mutex // guards receivers
	receivers map[string][]net.Conn
}

func serveRelay(t *testing.T, spoil func(i, n int) int) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	r := &relay{spoil: spoil, receivers: make(map[string][]net.Conn)}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(nc)
		}
	}()
	return Target{Addr: l.Addr().String(), Protocol: "floor"}
}

func readFrame(r io.Reader) ([]byte, error) {
	b := make([]byte, 4)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	b = append(b, make([]byte, binary.BigEndian.Uint32(b))...)
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

func (r *relay) serve(nc net.Conn) {
	first, err := readFrame(nc)
	if err != nil {
		return
	}
	if group, ok := strings.CutPrefix(string(first[4:]), "recv/"); ok {
		r.mu.Lock()
		r.receivers[group] = append(r.receivers[group], nc)
		r.mu.Unlock()
	}
	if _, err := nc.Write(append([]byte{0, 0, 0, byte(len(ready))}, ready...)); err != nil {
		return
	}
	for n := 0; ; n++ {
		frame, err := readFrame(nc)
		if err != nil {
			return
		}
		r.mu.Lock()
		receivers := r.receivers[string(frame[4:8])]
		r.mu.Unlock()
		for i, to := range receivers {
			for range r.spoil(i, n) {
				if _, err := to.Write(frame); err != nil {
					return
				}
			}
		}
	}
}

func TestFanoutFindsFaults(t *testing.T) {
	tests := map[string]struct {
		fanout Fanout
		spoil  func(i, n int) int
		want   string // part of the fault; empty for none
	}{
		"none": {Fanout{Groups: 1, Members: 5, Size: 64, Window: 16}, nil, ""},
		"none, with groups": {
			Fanout{Groups: 3, Members: 4, Size: 64, Window: 16}, nil, "",
		},
		"none, at a rate": {
			Fanout{Groups: 1, Members: 5, Size: 64, Window: 16, Rate: 1000}, nil, "",
		},
		"one misses a message": {
			Fanout{Groups: 1, Members: 5, Size: 64, Window: 16},
			func(i, n int) int {
				if i == 2 && n == 2 {
					return 0
				}
				return 1
			}, "was to come",
		},
		"one gets a message twice": {
			Fanout{Groups: 1, Members: 5, Size: 64, Window: 16},
			func(i, n int) int {
				if i == 2 && n == 2 {
					return 2
				}
				return 1
			}, "was to come",
		},
		"one gets nothing any more": {
			Fanout{Groups: 1, Members: 5, Size: 64, Window: 16, Rate: 1000},
			func(i, _ int) int {
				if i == 2 {
					return 0
				}
				return 1
			}, `receiver \d got 0 messages of `,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spoil := tc.spoil
			if spoil == nil {
				spoil = func(int, int) int { return 1 }
			}
			drain := 200 * time.Millisecond
			if tc.want == "" {
				drain = 20 * time.Second // enough on a busy machine
			}
			m := &Meter{
				Warm: 20 * time.Millisecond, Measure: 30 * time.Millisecond, Drain: drain,
				CPU: func() (time.Duration, error) { return 0, nil },
			}
			err := tc.fanout.Run(serveRelay(t, spoil), m)
			if tc.want != "" {
				require.Error(t, err)
				require.Regexp(t, tc.want, err.Error())
				return
			}
			require.NoError(t, err)
			require.Positive(t, m.Result.Messages)
			if tc.fanout.Rate > 0 {
				require.Positive(t, m.Result.P50)
			}
		})
	}
}
