//go:build !js

package ws

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// sendAll writes the frames that frames makes, count times, without waiting for an answer.
func (p *rawPeer) sendAll(count int, frames func(i int) []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		var b []byte
		for i := range count {
			if b = append(b, frames(i)...); len(b) > 16<<10 || i == count-1 {
				if _, err := p.Conn.Write(b); err != nil {
					done <- err
					return
				}
				b = b[:0]
			}
		}
		done <- nil
	}()
	return done
}

// held returns the memory in use, in bytes.
func held() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Each ping is answered, in order, and no memory remains in use.
func TestPingFlood(t *testing.T) {
	h := newHall(t, nil)
	p := h.stranger()
	before := held()
	const pings = 10_000
	payload := func(i int) string { return fmt.Sprintf("%0100d", i) }
	sent := p.sendAll(pings, func(i int) []byte { return appendFrame(nil, frame{opPing, true, payload(i)}) })
	for i := range pings {
		f, err := readFrame(p.r)
		require.NoError(t, err)
		require.Equal(t, frame{opPong, true, payload(i)}, f)
		if i == pings/2 {
			h.check()
		}
	}
	require.NoError(t, <-sent)
	require.Less(t, int64(held())-int64(before), int64(pings*50), "half of what was sent is kept")
	p.sendFrame(opClose, closePayload(1000, ""))
	p.wantClose(1000, "")
	require.ErrorIs(t, h.wantEnded(), io.EOF)
	h.check()
}

// A peer that sends pings and reads no pong is not read meanwhile, and loses its connection after 5 s.
func TestPingsWithoutReadingPongs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := pipePair(t, nil)
		start := time.Now()
		done := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, struct{ io.Reader }{c})
			done <- err
		}()
		pings := 0
		for {
			if _, err := peer.Conn.Write(appendFrame(nil, frame{opPing, true, "?"})); err != nil {
				break
			}
			pings++
		}
		require.ErrorContains(t, <-done, "answer the peer")
		_, err := c.Write([]byte("x"))
		require.ErrorContains(t, err, "answer the peer")
		require.Equal(t, 5*time.Second, time.Since(start))
		require.Equal(t, 1, pings, "more was read before the answer had gone")
	})
}

// The same on a socket, whose buffers are larger: no other peer is affected.
func TestPingsWithoutReadingPongsHoldUpNobody(t *testing.T) {
	h := newHall(t, nil)
	p := h.stranger()
	sent := p.sendAll(1<<20, func(int) []byte { return appendFrame(nil, frame{opPing, true, strings.Repeat("?", 125)}) })
	for range 100 {
		h.check()
	}
	require.NoError(t, p.Close())
	require.Error(t, h.wantEnded())
	require.Error(t, <-sent)
	h.check()
}

// A message need not end: its payload is read as a stream, however it is fragmented.
func TestEndlessMessage(t *testing.T) {
	tests := map[string]struct {
		frames func(i int) []frame
		echo   string // expected echo of each
	}{
		"of one byte each": {func(i int) []frame { return []frame{{op: opContinuation, payload: "x"}} }, "x"},
		"of nothing":       {func(i int) []frame { return []frame{{op: opContinuation}} }, ""},
		"with pings between": {func(i int) []frame {
			return []frame{{op: opContinuation, payload: "x"}, {op: opPing, fin: true}, {op: opContinuation}}
		}, "x"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHall(t, nil)
			p := h.stranger()
			p.send(string(appendFrame(nil, frame{op: opBinary, payload: "begin"})))
			const count = 5000
			sent := p.sendAll(count, func(i int) (b []byte) {
				for _, f := range tc.frames(i) {
					b = appendFrame(b, f)
				}
				return b
			})
			want := "begin" + strings.Repeat(tc.echo, count)
			for echo := ""; echo != want; {
				f, err := readFrame(p.r)
				require.NoError(t, err)
				if f.op != opPong {
					echo += f.payload
				}
				require.True(t, strings.HasPrefix(want, echo))
			}
			require.NoError(t, <-sent)
			h.check()
			p.sendFrame(opClose, closePayload(1000, ""))
			got, err := p.readAnswer()
			require.NoError(t, err)
			require.Equal(t, 1000, got.code)
			require.Empty(t, got.echo)
			require.ErrorIs(t, h.wantEnded(), io.EOF)
			h.check()
		})
	}
}

// A read that gets only empty frames still ends at its deadline.
func TestDeadlineInEndlessMessage(t *testing.T) {
	tests := map[string]struct{ first, then frame }{
		"continuations":  {frame{op: opBinary}, frame{op: opContinuation}},
		"empty messages": {frame{op: opBinary, fin: true}, frame{op: opBinary, fin: true}},
		"pongs":          {frame{op: opBinary, fin: true}, frame{op: opPong, fin: true}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, c := pipePair(t, nil)
				start := time.Now()
				require.NoError(t, c.SetReadDeadline(start.Add(time.Minute)))
				left := make(chan struct{})
				go func() {
					defer close(left)
					b := appendFrame(nil, tc.first)
					for {
						if _, err := peer.Conn.Write(b); err != nil {
							return
						}
						time.Sleep(time.Second / 3)
						b = appendFrame(nil, tc.then)
					}
				}()
				_, err := c.Read(make([]byte, 1))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, time.Minute, time.Since(start))
				require.NoError(t, c.Close())
				<-left
			})
		})
	}
}

// Many peers that break the protocol at once are all disconnected, and the guest is served meanwhile.
func TestManyHostileClients(t *testing.T) {
	h := newHall(t, nil)
	const strangers = 200
	ends := []string{
		"\x83\x80\x00\x00\x00\x00", "\xc2\x80\x00\x00\x00\x00", "\x82\x00", "\x80\x80\x00\x00\x00\x00", "\x09\x80\x00\x00\x00\x00",
		"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", "\x82",
	}
	var peers []*rawPeer
	for i := range strangers {
		p := h.stranger()
		p.send(ends[i%len(ends)])
		peers = append(peers, p)
		if i%20 == 0 {
			h.check()
		}
	}
	for _, p := range peers {
		p.Close()
	}
	for range peers {
		require.Error(t, h.wantEnded())
	}
	h.check()
}
