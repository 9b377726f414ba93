package app

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A road is a way to a server that can be closed.
type road struct {
	transport.Dialer
	closed atomic.Bool
	conn   transport.Conn // the last connection
}

func (r *road) Dial(ctx context.Context) (transport.Conn, error) {
	if r.closed.Load() {
		return nil, errors.New("the road is closed")
	}
	conn, err := r.Dialer.Dial(ctx)
	r.conn = conn
	return conn, err
}

// A newcomer is given what was said, and nothing else that has happened. A member that was away is given what it has
// not had, whether its session waited for it or not.
func TestWhatWasSaidComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, _ := openRoom(t)
		ada := enter(t, l, "ada")
		require.NoError(t, enter(t, l, "gone").Close())
		synctest.Wait()
		require.NoError(t, ada.count(t.Context(), 2))
		way := &road{Dialer: l}
		bob := enterAs(t, way, &core.ClientOptions{Name: "bob", Retry: core.Retry{Min: time.Second, Max: time.Second}})
		require.Equal(t, []string{"here ada", "here bob", "ada: 0", "ada: 1"}, bob.told)

		for name, away := range map[string]time.Duration{"resumed": time.Second, "joined anew": 2 * resumeWait} {
			bob.told = nil
			way.closed.Store(true)
			require.NoError(t, way.conn.Close())
			synctest.Wait()
			require.NoError(t, ada.count(t.Context(), 3))
			time.Sleep(away)
			way.closed.Store(false)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.NoError(t, ada.count(t.Context(), 1))
			synctest.Wait()
			said := bob.told[:0]
			for _, s := range bob.told {
				if !strings.HasPrefix(s, "here ") {
					said = append(said, s)
				}
			}
			require.Equal(t, []string{"ada: 0", "ada: 1", "ada: 2", "ada: 0"}, said, name)
		}
		require.NoError(t, bob.Close())
	})
}

func TestOnlyTheLastMessagesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, _ := openRoom(t)
		ada := enter(t, l, "ada")
		require.NoError(t, ada.count(t.Context(), keptLines+1))
		bob := enter(t, l, "bob")
		require.Len(t, bob.told, len([]string{"here ada", "here bob"})+keptLines)
		require.Equal(t, "ada: 1", bob.told[2])

		for range 100 { // the longest messages, of 4 bytes a character
			_, err := core.Call[struct{}](t.Context(), ada.Client, "say", strings.Repeat("𝄞", maxText))
			require.NoError(t, err)
		}
		length := 0
		for _, s := range enter(t, l, "cleo").told {
			length += len(s)
		}
		require.LessOrEqual(t, length, keptBytes)
	})
}

func TestATerminalShowsWhatWasSaid(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	require.Equal(t, []string{"* here: ada (you)"}, ada.Out.Lines())
	ada.Say("one", "\a")
	ada.Complains("not said") // so the line before has been said
	bob := s.joins(t, s.ws, "bob")
	bob.Sees("ada: one")
	require.Equal(t, []string{"* here: ada, bob (you)", "* 1 message from before:", "ada: one"}, bob.Out.Lines())
	bob.Say("two")
	ada.Sees("bob: two")
	cleo := s.joins(t, s.tcp, "cleo")
	cleo.Sees("bob: two")
	require.Equal(t, []string{"* here: ada, bob, cleo (you)", "* 2 messages from before:", "ada: one", "bob: two"}, cleo.Out.Lines())
}

func TestATerminalSaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		replay core.Replay
		want   string
	}{
		"nothing":                       {core.Replay{Group: group}, ""},
		"messages":                      {core.Replay{Group: group, Messages: 1, Missed: 2}, "* missing, because the server does not keep more: 2 messages\n* 1 message from before:\n"},
		"a restart":                     {core.Replay{Group: group, Lost: true}, "* the server was started again, and has forgotten what was said\n"},
		"another group after a restart": {core.Replay{Group: homePrefix + "1", Lost: true}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			(&terminal{stdout: &out}).earlier(nil, tc.replay)
			require.Equal(t, tc.want, out.String())
		})
	}
}
