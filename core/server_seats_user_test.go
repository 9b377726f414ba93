//go:build !js

package core

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
)

// A user has no more connections than MaxConnsPerUser, however many come at once. The option
// UserConflict decides about one more.
func TestMaxConnsPerUser(t *testing.T) {
	tests := map[string]struct {
		conflict Conflict
		away     []bool // the connections that are there: whether each is suspended
		code     Code
		goes     int // index of the connection that is ended
	}{
		"default":               {ConflictDefault, []bool{false, false}, CodeTooManyConns, -1},
		"default, one is away":  {ConflictDefault, []bool{false, true}, CodeNone, 1},
		"refuse, one is away":   {ConflictRefuse, []bool{false, true}, CodeTooManyConns, -1},
		"replace":               {ConflictReplace, []bool{false, false}, CodeNone, 0},
		"replace, one is away":  {ConflictReplace, []bool{false, true}, CodeNone, 1},
		"replace, all are away": {ConflictReplace, []bool{true, true}, CodeNone, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{Limits: Limits{MaxConnsPerUser: 2}, Access: Access{UserConflict: tc.conflict}}), func(w *world) {
				w.serve()
				var peers []*coretest.Peer
				for range tc.away {
					p, code := w.come("ada", "")
					require.Equal(t, CodeNone, code)
					peers = append(peers, p)
				}
				for i, p := range peers {
					if tc.away[i] {
						p.Stream.Close() //nolint:errcheck // it is cut
					}
				}
				synctest.Wait()
				ids := map[uint64]int{}
				for c := range w.srv.User("ada").Clients() {
					ids[c.ID()] = int(c.ID()) - 1
				}
				if tc.goes >= 0 && !tc.away[tc.goes] {
					go peers[tc.goes].Stream.Close() //nolint:errcheck // the holder goes when it hears of it
				}
				more, code := w.come("ada", "")
				require.Equal(t, tc.code.String(), code.String())
				require.Equal(t, 2, w.srv.User("ada").Len())
				for c := range w.srv.User("ada").Clients() {
					if i, was := ids[c.ID()]; was {
						require.NotEqual(t, tc.goes, i)
					}
				}
				other, code := w.come("eve", "")
				require.Equal(t, CodeNone, code)
				for _, p := range append(peers, more, other) {
					if p != nil {
						p.Stream.Close() //nolint:errcheck // it is over
					}
				}
			})
		})
	}
}

// A newcomer that needs a place of its user and a name ends as few others as possible, and none if
// it is refused.
func TestPlaceAndName(t *testing.T) {
	tests := map[string]struct {
		name, place Conflict
		user, asks  string
		code        Code
		here        []string
	}{
		"who has the name has the place": {ConflictReplace, ConflictReplace, "ada", "phone", CodeNone, []string{"desk", "eve", "phone"}},
		"another of the user has it":     {ConflictReplace, ConflictReplace, "ada", "tv", CodeNone, []string{"eve", "phone", "tv"}},
		"the place may not be taken":     {ConflictReplace, ConflictRefuse, "ada", "tv", CodeTooManyConns, []string{"desk", "eve", "phone"}},
		"but with the name":              {ConflictReplace, ConflictRefuse, "ada", "phone", CodeNone, []string{"desk", "eve", "phone"}},
		"nor for the name of another":    {ConflictReplace, ConflictRefuse, "ada", "eve", CodeTooManyConns, []string{"desk", "eve", "phone"}},
		"the name may not be taken":      {ConflictRefuse, ConflictReplace, "ada", "eve", CodeNameTaken, []string{"desk", "eve", "phone"}},
		"nor from its own user":          {ConflictRefuse, ConflictReplace, "ada", "phone", CodeNameTaken, []string{"desk", "eve", "phone"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := ServerOptions{Limits: Limits{MaxConnsPerUser: 2}, Access: Access{UserConflict: tc.place, UniqueNames: true, NameConflict: tc.name}}
			inWorld(t, byUser(opts), func(w *world) {
				w.serve()
				first := map[string]*Conn{}
				for _, d := range [][2]string{{"ada", "desk"}, {"ada", "phone"}, {"eve", "eve"}} {
					w.join(w.device(d[0], d[1]))
					first[d[1]] = w.conn(d[1])
				}
				err := w.device(tc.user, tc.asks).Connect(w.ctx)
				require.Equal(t, tc.code.String(), CodeOf(err).String())
				synctest.Wait()
				require.Equal(t, tc.here, w.srv.Names())
				for _, n := range tc.here {
					if n != tc.asks || tc.code != CodeNone {
						require.Same(t, first[n], w.conn(n), "it was not ended")
					}
				}
			})
		})
	}
}

func TestMaxConnsPerUserAtOnce(t *testing.T) {
	for name, conflict := range map[string]Conflict{"refuse": ConflictDefault, "replace": ConflictReplace} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{Limits: Limits{MaxConnsPerUser: 3}, Access: Access{UserConflict: conflict}, Timeouts: Timeouts{Resume: -1}}), func(w *world) {
				var here, most, joined atomic.Int64
				w.srv.OnJoin(func(*Conn) {
					joined.Add(1)
					n := here.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
				})
				w.srv.OnLeave(func(*Conn, error) { here.Add(-1) })
				w.serve()
				var wg sync.WaitGroup
				var refused atomic.Int64
				for range 40 {
					cl := w.device("ada", "")
					wg.Go(func() {
						if cl.Connect(w.ctx) != nil {
							refused.Add(1)
						}
					})
				}
				wg.Wait()
				synctest.Wait()
				require.EqualValues(t, 3, most.Load())
				require.Equal(t, 3, w.srv.User("ada").Len())
				if conflict == ConflictReplace {
					require.Zero(t, refused.Load(), "each was welcomed, if only to be told that it is replaced")
					require.LessOrEqual(t, joined.Load(), int64(40), "one that is replaced before its welcome has not joined")
				}
				w.srv.User("ada").Disconnect(nil)
			})
		})
	}
}
