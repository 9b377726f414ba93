//go:build !js

package core

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// A watcher is a client by hand that hears of others, and reads when the test says so. It checks
// that the notices make sense.
type watcher struct {
	*coretest.Peer
	srv   *Server
	c     *Conn
	old   bool           // it speaks the protocol of the original
	knows map[string]int // number of clients with that name
	in    []byte
	heard int
}

func (w *world) watcher(name string, resume bool) *watcher {
	p := w.hello(&wire.Hello{Name: name, Notices: true, Resume: resume})
	synctest.Wait()
	return &watcher{Peer: p, srv: w.srv, c: w.conn(name), knows: map[string]int{}}
}

func (w *world) oldWatcher(name string) *watcher {
	p := w.peer()
	hello := `$CLTHELLO$ {"name": "` + name + `", "group": null}`
	p.Send(fmt.Appendf(nil, "%-16d%s", len(hello), hello))
	synctest.Wait()
	return &watcher{Peer: p, srv: w.srv, c: w.conn(name), old: true, knows: map[string]int{}}
}

func (r *watcher) came(name string) {
	r.T.Helper()
	r.knows[name]++
	if r.srv.opts.Access.UniqueNames {
		require.Equal(r.T, 1, r.knows[name], "%q is there twice", name)
	}
}

func (r *watcher) went(name string) {
	r.T.Helper()
	require.Positive(r.T, r.knows[name], "%q goes and never came", name)
	if r.knows[name]--; r.knows[name] == 0 {
		delete(r.knows, name)
	}
}

// read reads n bytes or a little more. If n is not above zero it reads all that comes.
func (r *watcher) read(n int) {
	r.T.Helper()
	if n <= 0 {
		n = math.MaxInt
	}
	require.NoError(r.T, r.Stream.SetReadDeadline(time.Now().Add(time.Millisecond)))
	for n > 0 {
		buf := make([]byte, min(n, 4<<10))
		got, err := r.Stream.Read(buf)
		n -= got
		r.in = append(r.in, buf[:got]...)
		for r.next() {
			r.heard++
		}
		if err != nil {
			require.NotErrorIs(r.T, err, io.EOF, "it is still connected")
			return
		}
	}
}

// next takes one frame from the bytes that were read.
func (r *watcher) next() bool {
	r.T.Helper()
	if r.old {
		payload, size, ok, err := classic.Next(r.in, 16, 1<<20)
		require.NoError(r.T, err)
		if !ok {
			return false
		}
		r.in = r.in[size:]
		if p, came, ok, err := classic.ParseNotice(payload); ok {
			require.NoError(r.T, err)
			if came {
				r.came(p.Name.Text)
			} else {
				r.went(p.Name.Text)
			}
		}
		return true
	}
	f, size, ok, err := wire.Next(r.in, 0)
	require.NoError(r.T, err)
	if !ok {
		return false
	}
	switch f.Kind {
	case wire.KindJoined, wire.KindLeft:
		p, err := wire.ParsePresence(f.Body, nil)
		require.NoError(r.T, err)
		if f.Kind == wire.KindJoined {
			r.came(p.Name)
		} else {
			r.went(p.Name)
		}
	case wire.KindRenamed:
		old, name, _, err := wire.ParseRenamed(f.Body, nil)
		require.NoError(r.T, err)
		r.went(old)
		r.came(name)
	case wire.KindMissed:
		require.NotEmpty(r.T, r.srv.opts.OverflowOf, "notices were dropped")
	case wire.KindGoodbye:
		bye, _ := wire.ParseGoodbye(f.Body)
		require.Fail(r.T, "disconnected", bye.Code.String())
	}
	r.in = r.in[size:]
	return true
}

func longGroups(n int) (groups []string) {
	for i := range n {
		groups = append(groups, fmt.Sprintf("%03d", i)+strings.Repeat("g", 120))
	}
	return groups
}

// A client renames itself all the time, with as many and as long groups as may be, and another
// connects and leaves in a loop. Slow watchers stay, and know the final state in the end.
func TestNoticesEndNobody(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}, Timeouts: Timeouts{Heartbeat: -1, Write: -1}}, func(w *world) {
		w.serve()
		var all []*watcher
		for i := range 10 {
			all = append(all, w.watcher(fmt.Sprint("watcher ", i), i%2 == 0), w.oldWatcher(fmt.Sprint("old ", i)))
		}
		for _, r := range all {
			r.read(0)
		}
		mallory := w.hello(&wire.Hello{Name: "mallory", Groups: longGroups(64), MaxFrame: 1 << 20})
		go io.Copy(io.Discard, mallory.Stream) //nolint:errcheck // drops the notices and answers
		c := w.conn("mallory")
		const changes = 1000
		for i := range changes { // by the program, as fast as it can
			require.NoError(t, c.Rename(w.ctx, fmt.Sprint("m", i)))
			if i%10 == 0 {
				loop := w.hello(&wire.Hello{Name: "loop", Groups: longGroups(64), MaxFrame: 1 << 20})
				loop.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
				require.NoError(t, loop.Stream.Close())
			}
			if i%100 == 0 { // 1.25 MB a second for each watcher, if there are 287 changes a second
				for _, r := range all {
					r.read(10 << 10)
				}
			}
		}
		for _, r := range all {
			require.LessOrEqual(t, r.c.Stats().Waiting, outbox.NoticeRoom(w.srv.opts.Limits.QueueBytes)+(9<<10))
			r.read(0)
			require.Contains(t, r.knows, fmt.Sprint("m", changes-1))
			require.NotContains(t, r.knows, "loop")
			require.Less(t, r.heard, changes*6/5, "what was overtaken is left out")
			require.Zero(t, r.c.Stats().Dropped)
		}
		require.Zero(t, w.srv.Stats().SlowConsumers)
		require.Equal(t, len(all)+1, w.srv.Len())
		for _, r := range all {
			r.Stream.Close() //nolint:errcheck // it is over
		}
		mallory.Stream.Close() //nolint:errcheck // it is over
		time.Sleep(time.Minute)
	})
}

// Clients come, go and change their names at random while watchers read a little at random times.
// All notices make sense, and in the end each watcher knows who is there.
func TestWatchersAreRightInTheEnd(t *testing.T) {
	for _, unique := range []bool{false, true} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprint("unique names ", unique, ", seed ", seed), func(t *testing.T) {
				opts := &ServerOptions{Access: Access{Notices: TellNames, UniqueNames: unique}, Timeouts: Timeouts{Heartbeat: -1, Write: -1}, Limits: Limits{QueueBytes: 128 << 10}}
				if seed > 1 { // all are sent commands that may be dropped, too
					opts.OverflowOf = map[string]Overflow{"noise": OverflowDropNewest + Overflow(seed-2)}
				}
				inWorld(t, opts, func(w *world) {
					rnd := rand.New(rand.NewPCG(seed, 7))
					w.serve()
					// Long names: not all notices fit into the stream.
					name := func() string { return fmt.Sprintf("%02d", rnd.IntN(30)) + strings.Repeat("x", 100) }
					watchers := []*watcher{w.watcher("first", true), w.oldWatcher("second"), w.watcher("third", false)}
					others := map[string]int{"first": 1, "second": 1, "third": 1}
					for _, r := range watchers {
						r.read(0)
						r.knows = maps.Clone(others) // the watchers know of each other
					}
					clients := map[*coretest.Peer]*Conn{}
					waited := 0
					for range 4000 {
						switch k := rnd.IntN(10); {
						case k < 3 && len(clients) < 60:
							p := w.peer()
							p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: name()}))
							if p.Want().Kind == wire.KindWelcome {
								synctest.Wait()
								for c := range w.srv.Clients() {
									if c.sess.Link().Stream != nil && c.id == w.srv.lastID.Load() {
										clients[p] = c
									}
								}
							}
						case k < 5 && len(clients) > 0:
							for p := range clients {
								delete(clients, p)
								require.NoError(t, p.Stream.Close())
								break
							}
							synctest.Wait()
						case k < 9 && len(clients) > 0:
							for _, c := range clients {
								err := c.Rename(w.ctx, name())
								require.True(t, err == nil || CodeOf(err) == CodeNameTaken)
								break
							}
						case k == 9 && rnd.IntN(4) == 0 && opts.OverflowOf != nil:
							require.NoError(t, w.srv.All().SendBytes("noise", make([]byte, rnd.IntN(20<<10))))
						default:
							watchers[rnd.IntN(3)].read(1 + rnd.IntN(3000))
						}
						if watchers[rnd.IntN(3)].c.atServer.notices.Size() > 0 {
							waited++
						}
					}
					synctest.Wait()
					require.Positive(t, waited)
					truth := maps.Clone(others)
					for _, c := range clients {
						truth[c.Name()]++
					}
					for _, r := range watchers {
						r.read(0)
						require.Equal(t, truth, r.knows)
						require.Zero(t, r.c.atServer.notices.Size())
						require.Zero(t, r.c.out.Stats().Notices, "counted with the queue")
					}
					for _, p := range append(slices.Collect(maps.Keys(clients)), watchers[0].Peer, watchers[1].Peer, watchers[2].Peer) {
						p.Stream.Close() //nolint:errcheck // it is over
					}
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

// Notices for a suspended client wait, and do not push out the messages that are kept for it.
func TestNoticesWaitForASuspendedClient(t *testing.T) {
	opts := &ServerOptions{Access: Access{Notices: tellEverything}, Limits: Limits{QueueBytes: 64 << 10}, Timeouts: Timeouts{Resume: time.Hour}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada, states := w.returning("ada", Retry{Min: time.Minute, Max: time.Minute})
		got := listens(ada)
		require.NoError(t, ada.Connect(w.ctx))
		synctest.Wait()
		c := w.conn("ada")
		c.breakOff()
		synctest.Wait()
		require.True(t, c.Suspended())
		bob := w.join(w.client("bob", longGroups(64)...))
		for i := range 2000 {
			require.NoError(t, w.conn("bob").Rename(w.ctx, "tmp"))
			require.NoError(t, w.conn("tmp").Rename(w.ctx, "bob"))
			if i%100 == 0 {
				w.join(w.client("loop", longGroups(64)...))
				w.conn("loop").Close()
				synctest.Wait()
			}
		}
		require.LessOrEqual(t, c.Stats().Waiting, opts.Limits.QueueBytes/8+(9<<10))
		require.NoError(t, w.conn("bob").Rename(w.ctx, "eve"))
		require.Eventually(t, func() bool { return !c.Suspended() }, time.Hour, time.Second)
		synctest.Wait()
		require.Contains(t, states.All(), "resumed")
		last := got.All()[len(got.All())-1]
		require.Contains(t, last, "eve", "%v", len(got.All()))
		require.Less(t, len(got.All()), 300)
		require.Zero(t, ada.Conn().Stats().Dropped)
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.Contains(t, got.All()[len(got.All())-1], "-eve")
		require.NoError(t, ada.Close())
	})
}

// Waiting notices have a bound. Beyond it the oldest are dropped, and the receiver is told.
func TestNoticesThatWaitAreBounded(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: TellNames}, Limits: Limits{QueueBytes: 20 << 10}, Timeouts: Timeouts{Heartbeat: -1, Write: -1}}, func(w *world) {
		w.serve()
		r := w.watcher("slow", true)
		for r.c.Stats().Waiting == 0 {
			require.NoError(t, r.c.SendRaw(make([]byte, 1<<10)))
			synctest.Wait()
		}
		var streams []io.Closer
		for i := range 500 {
			p := w.hello(&wire.Hello{Name: fmt.Sprint("client ", i)})
			streams = append(streams, p.Stream)
		}
		synctest.Wait()
		require.LessOrEqual(t, r.c.atServer.notices.Size(), 20<<10)
		out := r.c.out.Stats()
		require.Equal(t, r.c.atServer.notices.Size(), out.Notices)
		require.GreaterOrEqual(t, out.Counted, r.c.atServer.notices.Size()+out.Waiting, "counted with the queue")
		missed := r.c.Stats().Dropped
		require.Positive(t, missed)
		require.EqualValues(t, missed, w.srv.Stats().Dropped)
		got, told := 0, uint64(0)
		for told != missed || got < 500-int(missed) {
			switch f := r.Want(); f.Kind {
			case wire.KindJoined:
				got++
			case wire.KindMissed:
				var err error
				told, err = wire.ParseMissed(f.Body)
				require.NoError(t, err)
			}
		}
		require.Equal(t, 500, got+int(missed))
		for _, s := range append(streams, r.Stream) {
			require.NoError(t, errors.Join(s.Close()))
		}
		time.Sleep(time.Minute)
	})
}
