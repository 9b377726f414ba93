//go:build !js

package python_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/classic"
)

// A recording is played twice: what its clients said is sent to a server in Go, which says what the
// server of the recording said; and the other way around. What is peculiar to a release, and to
// each recording, stands in the file of the release.

// A serverPlay is how a recording is played to a server in Go, and what becomes of that.
type serverPlay struct {
	classic core.ClassicOptions                 // beside the header
	program func(w *world, heard *kept[string]) // registers what the server of the recording ran
	addrs   []string                            // of the clients, nil for those that the first one is told
	delay   func(sent string) time.Duration     // before something is sent; nil for none
	act     func(w *world) error                // what the program did when all had come; nil for nothing
	state   func(w *world, left []core.Code)    // checks what the server has come to, and why clients have left; nil for nothing
	said    func(conn int, got string) string   // what ours says to a client; got if that has been looked at
	whole   bool                                // frames may be written together
	heard   []string                            // what handlers are run for
	faults  []core.Code                         // what the error hook is told
}

func (r *recording) playServer(t *testing.T, send sending, play serverPlay) {
	play.classic.HeaderLen = r.HeaderLen
	inWorld(t, &core.ServerOptions{Classic: play.classic, Limits: core.Limits{MaxFrame: 2 << 20, QueueBytes: 4 << 20}}, func(w *world) {
		var heard kept[string]
		var faults, left kept[core.Code]
		w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(core.CodeOf(err)) })
		w.srv.OnLeave(func(_ *core.Conn, why error) { left.Add(core.CodeOf(why)) })
		play.program(w, &heard)
		if play.addrs == nil {
			play.addrs = r.addrs()
		}
		lis := w.tapped(play.addrs...)
		peers, ends := map[int]*oldPeer{}, 0
		for _, e := range r.Events {
			if e.Dir == "s2c" {
				continue
			}
			p := peers[e.Conn]
			if p == nil {
				p = w.knock()
				peers[e.Conn] = p
			}
			if play.delay != nil {
				time.Sleep(play.delay(e.bytes))
			}
			switch {
			case e.End != "":
				lis.conns[e.Conn-1].broken.Store(e.End == "reset")
				p.close()
				ends++
				require.GreaterOrEqual(t, len(left.All()), ends)
			case !p.isEnded():
				send(p, e.bytes)
			}
			synctest.Wait()
		}
		if play.act != nil {
			require.NoError(t, play.act(w))
		}
		time.Sleep(recordDelay)
		if play.state != nil {
			play.state(w, left.All())
		}
		for conn, p := range peers {
			got := p.take()
			requireSame(t, play.said(conn, got), got)
			if !play.whole {
				lis.conns[conn-1].requireWhole(t, r.HeaderLen)
			}
		}
		require.Equal(t, play.heard, heard.All())
		require.Equal(t, play.faults, faults.All())
	})
}

// A clientPlay is how a recording is played to clients in Go, and what becomes of that.
type clientPlay struct {
	client  func(s *oldServer, opts *core.ClientOptions) (*core.Client, *listening)
	split   func(b string) []string                    // into payloads; nil for those with headers
	frame   func(payload string) string                // of a payload that ours says; nil for the recorded one
	again   func(cl *core.Client, payload string) bool // says it again, if ours says such
	answers map[string]string                          // what ours says at once to a payload of the server
	heard   func(conn int) (heard, raw []string)       // by handlers, and by RecvRaw
	faults  func(conn int) []core.Code                 // what the error hook is told; nil for nothing
	ended   func(conn int, got string) bool            // whether the server has ended the connection
	last    func(ended bool) string                    // what ours says last
	resets  bool                                       // each leaves with a reset
	whole   bool                                       // frames may be written together
}

func (r *recording) playClient(t *testing.T, send sending, play clientPlay) {
	if play.split == nil {
		play.split = func(b string) []string { return r.split(t, b, classic.NextWish) }
	}
	if play.frame == nil {
		play.frame = r.frame
	}
	inBubble(t, func(t *testing.T, s *oldServer) {
		clients, heard := map[int]*core.Client{}, map[int]*listening{}
		said, got := map[int]string{}, map[int]string{}
		for _, e := range r.Events {
			cl := clients[e.Conn]
			switch {
			case e.Dir == "s2c" && e.End == "":
				p := s.clients[e.Conn-1]
				if p.isEnded() { // ours has left before it was told that it may
					break
				}
				send(p, e.bytes)
				got[e.Conn] += e.bytes
				for question, answer := range play.answers {
					if strings.Contains(e.bytes, r.frame(question)) {
						said[e.Conn] += r.frame(answer)
					}
				}
			case e.Dir == "s2c", cl != nil && cl.Conn().Err() != nil:
			case e.End != "": // either way
				cl.Close()
			default:
				for _, payload := range play.split(e.bytes) {
					if cl == nil {
						opts := r.options(t, payload)
						cl, heard[e.Conn] = play.client(s, opts)
						clients[e.Conn] = cl
						require.NoError(t, cl.Connect(t.Context()))
						if opts.Name == "" && opts.Groups == nil { // ours has no empty ones
							payload = strings.ReplaceAll(payload, `""`, "null")
						}
						said[e.Conn] = play.frame(payload)
					} else if play.again(cl, payload) {
						said[e.Conn] += play.frame(payload)
					}
				}
			}
			synctest.Wait()
		}
		for conn, cl := range clients {
			wantHeard, wantRaw := play.heard(conn)
			require.Equal(t, wantHeard, heard[conn].All())
			var faults []core.Code
			if play.faults != nil {
				faults = play.faults(conn)
			}
			require.Equal(t, faults, heard[conn].faults.All())
			for _, raw := range wantRaw {
				got, err := cl.RecvRaw(t.Context())
				require.NoError(t, err)
				require.Equal(t, raw, string(got))
			}
			over, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := cl.RecvRaw(over)
			require.Error(t, err, "no more")
			ended := play.ended(conn, got[conn])
			require.Equal(t, ended, cl.Err() != nil && core.IsRemote(cl.Err()))
			cl.Close()
			<-cl.Done()
			require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
			requireSame(t, said[conn]+play.last(ended), s.clients[conn-1].take())
			if !play.whole {
				s.near[conn-1].requireWhole(t, r.HeaderLen)
			}
		}
		if play.resets {
			require.Len(t, s.resets.All(), len(clients))
		}
	})
}

// frame is a payload with its header.
func (r *recording) frame(payload string) string {
	return string(classic.AppendFrame(nil, r.HeaderLen, []byte(payload)))
}

// split splits what was recorded into payloads.
func (r *recording) split(t *testing.T, b string, next func(b []byte, headerLen, max int) ([]byte, int, bool, error)) (all []string) {
	t.Helper()
	for rest := []byte(b); len(rest) > 0; {
		payload, size, ok, err := next(rest, r.HeaderLen, 2<<20)
		require.NoError(t, err)
		require.True(t, ok)
		all, rest = append(all, string(payload)), rest[size:]
	}
	return all
}
