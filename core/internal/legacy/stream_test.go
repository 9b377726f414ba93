package legacy

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A tap records the calls of a stream.
type tap struct {
	transport.Conn
	mu  sync.Mutex
	did []string
}

func (t *tap) Write(b []byte) (int, error) { t.note(string(b)); return len(b), nil }
func (t *tap) WriteBuffers(bufs [][]byte) (int64, error) {
	b := bytes.Join(bufs, nil)
	t.note(string(b))
	return int64(len(b)), nil
}
func (t *tap) CloseWrite() error { t.note("CloseWrite"); return nil }
func (t *tap) Close() error      { t.note("Close"); return nil }
func (t *tap) Reset() error      { t.note("Reset"); return nil }
func (t *tap) note(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.did = append(t.did, what)
}
func (t *tap) SetReadDeadline(time.Time) error  { return nil }
func (t *tap) SetWriteDeadline(time.Time) error { return nil }
func (t *tap) Read([]byte) (int, error)         { return 0, io.EOF }
func (t *tap) Info() transport.Info             { return transport.Info{} }

// frames returns payloads with their headers.
func frames(payloads ...string) (all []byte) {
	for _, p := range payloads {
		all = classic.AppendFrame(all, 0, []byte(p))
	}
	return all
}

// client returns the peer of a server: a client that speaks d.
func client(d Dialect) *Peer {
	p := Client(Settings{MaxFrame: 1 << 20, MaxCommand: 256}).Peer
	p.set(d)
	return p
}

// server returns the peer of a client: a server that speaks d.
func server(d Dialect) *Peer {
	p, _ := Server(d, Hello{}, Settings{MaxFrame: 1 << 20, MaxCommand: 256})
	return p
}

// Frames are written one by one, except to a peer that reads each frame in full.
func TestStreamWritesFrameByFrame(t *testing.T) {
	bufs := [][]byte{frames("a", "bc"), frames(""), frames("d", "e")}
	one := []string{string(frames("a")), string(frames("bc")), string(frames("")), string(frames("d")), string(frames("e"))}
	all := string(bytes.Join(bufs, nil))
	tests := map[Dialect][]string{V002: one, V1x: one, V2x: one, Unknown: one, V30a: {all}}
	for d, want := range tests {
		under := &tap{}
		n, err := client(d).Stream(under).WriteBuffers(bufs)
		require.NoError(t, err)
		require.Equal(t, int64(len(all)), n)
		require.Equal(t, want, under.did)

		under = &tap{}
		small, err := client(d).Stream(under).Write(frames("a", "bc"))
		require.NoError(t, err)
		require.Equal(t, len(frames("a", "bc")), small)
		require.Equal(t, string(frames("a", "bc")), strings.Join(under.did, ""))
	}
	under := &tap{}
	odd := []byte("12345678901234567890 and so on") // the original writes a number that is too long for its header like this
	_, err := client(V002).Stream(under).Write(odd)
	require.NoError(t, err)
	require.Equal(t, []string{string(odd)}, under.did)
}

// An orderly end stops the loop of a server without markers. A server of 1.x ends the stream
// itself.
func TestStreamParting(t *testing.T) {
	inOrder := []string{"CloseWrite", "Close"}
	tests := map[string]struct {
		p    *Peer
		want []string
	}{
		"client of 0.0.2": {client(V002), inOrder},
		"client of 1.x":   {client(V1x), inOrder},
		"client of 3.0a":  {client(V30a), inOrder},
		"server of 0.0.2": {server(V002), []string{"Reset", "Close"}},
		"server of 1.x":   {server(V1x), []string{"Reset", "Close"}},
		"server of 2.x":   {server(V2x), inOrder},
		"server of 3.0a":  {server(V30a), inOrder},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			under := &tap{}
			s := tc.p.Stream(under)
			require.NoError(t, s.CloseWrite())
			if tc.p.Dialect() == V1x && tc.p.IsServer() {
				require.Empty(t, under.did, "it is left alone until it has ended the stream")
			}
			require.NoError(t, s.Close())
			require.Equal(t, tc.want, under.did)
		})
	}
	under := &tap{}
	require.NoError(t, server(V002).Stream(under).Close())
	require.Equal(t, []string{"Reset", "Close"}, under.did, "however it ends")
}

// Stream keeps the ability to wait without a buffer.
func TestStreamKeepsReadyReader(t *testing.T) {
	_, ok := client(V002).Stream(&tap{}).(transport.ReadyReader)
	require.False(t, ok)
	_, ok = client(V002).Stream(struct {
		*tap
		transport.ReadyReader
	}{&tap{}, nil}).(transport.ReadyReader)
	require.True(t, ok)
}

// A stream writes at the pace's rate, and a burst at once. A write that waits calls Progress, and ends with the stream.
func TestStreamPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, size = 10 << 10, 1000
		p, under, parts := client(V002), &tap{}, 0
		p.SetPace(Pace{Rate: rate, Part: 10 * time.Millisecond, Progress: func() { parts++ }})
		s := p.Stream(under)
		frame := frames(strings.Repeat("x", size-16))
		begin := time.Now()
		for range burst / (size + frameCost) {
			_, err := s.Write(frame)
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(begin), "a burst")
		for range 100 {
			_, err := s.Write(frame)
			require.NoError(t, err)
		}
		seconds := float64((100+burst/(size+frameCost))*(size+frameCost)-burst) / rate
		require.InDelta(t, seconds, time.Since(begin).Seconds(), 0.5)
		require.InDelta(t, seconds*100, parts, 120)

		waits := make(chan error, 1)
		go func() {
			_, err := s.Write(frames(strings.Repeat("x", 1<<20)))
			waits <- err
			_, err = s.Write(frame)
			waits <- err
		}()
		require.NoError(t, <-waits)
		synctest.Wait()
		at := time.Now()
		require.NoError(t, s.Close())
		<-waits
		require.Zero(t, time.Since(at))
	})
}

// A native frame of any kind fails the write to a peer of the original, alone or after frames of its dialect: the
// connection ends.
func TestNoNativeFrame(t *testing.T) {
	own := frames("hello", "")
	for d := V002; d <= Unknown; d++ {
		for k := range 256 {
			for _, n := range []int{0, 1, 14, 47, 56, 300, 5000} { // 47 to 56 make lengths that are digits
				native := wire.AppendFrame(nil, wire.Kind(k), make([]byte, n))
				for _, p := range []*Peer{client(d), server(d)} {
					to := &tap{}
					_, err := p.Stream(to).Write(native)
					require.ErrorIs(t, err, errNative, "%v, %d B", wire.Kind(k), n)
					require.Empty(t, to.did)
					_, err = p.Stream(to).WriteBuffers([][]byte{own, append(bytes.Clone(own), native...)})
					require.ErrorIs(t, err, errNative, "%v, %d B", wire.Kind(k), n)
					require.Equal(t, "", strings.ReplaceAll(strings.Join(to.did, ""), string(own), ""))
				}
			}
		}
	}
}
