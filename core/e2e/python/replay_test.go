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

// A recording is played twice. First its clients' bytes are sent to a Go server, which must answer
// like the server of the recording. Then its server's bytes are sent to Go clients, which must
// answer like the clients of the recording. What is peculiar to a release, and to each recording,
// is in the file of the release.

// A serverPlay is how a recording is played to a Go server, and the expected results.
type serverPlay struct {
	classic core.ClassicOptions                 // besides HeaderLen
	program func(w *world, heard *kept[string]) // registers the program of the recording's server
	addrs   []string                            // of the clients; nil for the addresses that the first client was told
	delay   func(sent string) time.Duration     // before bytes are sent; nil for none
	act     func(w *world) error                // what the program did at the end; nil for nothing
	state   func(w *world, left []core.Code)    // checks the server's state, and why clients have left; nil for no check
	said    func(conn int, got string) string   // the bytes that the Go server must send to a client; got for bytes that said has checked itself
	whole   bool                                // several frames may be written together
	heard   []string                            // what handlers run for
	faults  []core.Code                         // codes that the error hook is told
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
		synctest.Wait()
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

// A clientPlay is how a recording is played to Go clients, and the expected results.
type clientPlay struct {
	client  func(s *oldServer, opts *core.ClientOptions) (*core.Client, *listening)
	split   func(b string) []string                    // splits bytes into payloads; nil for payloads with headers
	frame   func(payload string) string                // the bytes for a payload of the Go client; nil for a header and the payload
	again   func(cl *core.Client, payload string) bool // sends the payload, if the library has an API for it
	answers map[string]string                          // what the Go client answers at once to a payload of the server
	heard   func(conn int) (heard, raw []string)       // by handlers, and by RecvRaw
	faults  func(conn int) []core.Code                 // codes that the error hook is told; nil for none
	ended   func(conn int, got string) bool            // whether the server has ended the connection
	last    func(ended bool) string                    // the last bytes of the Go client
	resets  bool                                       // each client leaves with a reset
	whole   bool                                       // several frames may be written together
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
				if p.isEnded() { // the Go client has left before it was told that it may
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
			case e.End != "": // an end of either kind
				cl.Close()
			default:
				for _, payload := range play.split(e.bytes) {
					if cl == nil {
						opts := r.options(t, payload)
						cl, heard[e.Conn] = play.client(s, opts)
						clients[e.Conn] = cl
						require.NoError(t, cl.Connect(t.Context()))
						if opts.Name == "" && opts.Groups == nil { // the Go client has no empty names
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

// frame returns a payload with its header.
func (r *recording) frame(payload string) string {
	return string(classic.AppendFrame(nil, r.HeaderLen, []byte(payload)))
}

// split splits recorded bytes into payloads.
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
