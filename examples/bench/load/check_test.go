package load

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMessageCheck(t *testing.T) {
	m := message{id: 0x12ab, seq: 0xc0ffee, size: 64}
	good := m.append(nil)
	require.Len(t, good, 64)
	require.Equal(t, "12ab00c0ffee", string(good[:headerSize]))
	require.NoError(t, m.check(good))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		require.Error(t, m.check(bad), "byte %d", i)
	}
	require.Error(t, m.check(good[:63]))
	require.Error(t, m.check(append(good, 'x')))
	next := message{m.id, m.seq + 1, m.size}
	require.NotEqual(t, good[headerSize:], next.append(nil)[headerSize:], "each message has its own content")
}

// serveFloor answers like the floor's server, with the messages that spoil changes.
func serveFloor(t *testing.T, spoil func(n int, message []byte) [][]byte) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go echoSpoiled(nc, spoil)
		}
	}()
	return Target{Addr: l.Addr().String(), Protocol: "floor"}
}

func echoSpoiled(nc net.Conn, spoil func(n int, message []byte) [][]byte) {
	defer nc.Close()
	var header [4]byte
	for n := -1; ; n++ {
		if _, err := io.ReadFull(nc, header[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(header[:]))
		if _, err := io.ReadFull(nc, message); err != nil {
			return
		}
		answers := [][]byte{[]byte(ready)}
		if n >= 0 {
			answers = spoil(n, message)
		}
		for _, answer := range answers {
			b := binary.BigEndian.AppendUint32(nil, uint32(len(answer)))
			if _, err := nc.Write(append(b, answer...)); err != nil {
				return
			}
		}
	}
}

func TestEchoFindsFaults(t *testing.T) {
	var kept []byte
	tests := map[string]struct {
		spoil func(n int, message []byte) [][]byte
		want  string // part of the fault; empty for none
	}{
		"none": {func(n int, m []byte) [][]byte { return [][]byte{m} }, ""},
		"one is dropped": {func(n int, m []byte) [][]byte {
			if n == 2 {
				return nil
			}
			return [][]byte{m}
		}, "was to come"},
		"all are dropped from one on": {func(n int, m []byte) [][]byte {
			if n >= 2 {
				return nil
			}
			return [][]byte{m}
		}, "i/o timeout|no message came"},
		"one comes twice": {func(n int, m []byte) [][]byte {
			if n == 2 {
				return [][]byte{m, m}
			}
			return [][]byte{m}
		}, "was to come"},
		"two change places": {func(n int, m []byte) [][]byte {
			switch n {
			case 2:
				kept = m
				return nil
			case 3:
				return [][]byte{m, kept}
			}
			return [][]byte{m}
		}, "was to come"},
		"one is cut": {func(n int, m []byte) [][]byte {
			if n == 2 {
				return [][]byte{m[:len(m)-1]}
			}
			return [][]byte{m}
		}, "has 99 bytes, not 100"},
		"one is changed": {func(n int, m []byte) [][]byte {
			if n == 2 {
				m[50]++
			}
			return [][]byte{m}
		}, "another content"},
		"one too many": {func(n int, m []byte) [][]byte {
			if n == 0 {
				return [][]byte{m, m, m, m, m, m, m, m, m, m, m}
			}
			return [][]byte{m}
		}, "was to come"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			drain := 200 * time.Millisecond
			if tc.want == "" {
				drain = 20 * time.Second // enough on a busy machine
			}
			m := &Meter{
				Warm: 20 * time.Millisecond, Measure: 20 * time.Millisecond, Drain: drain,
				CPU: func() (time.Duration, error) { return 0, nil },
			}
			err := Echo{Conns: 1, Size: 100, Window: 4}.Run(serveFloor(t, tc.spoil), m)
			if tc.want == "" {
				require.NoError(t, err)
				require.Positive(t, m.Result.Messages)
				return
			}
			require.Error(t, err)
			require.Regexp(t, tc.want, err.Error())
		})
	}
}
