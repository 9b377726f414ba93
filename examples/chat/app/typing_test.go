package app

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// enterTyping connects a guest that wants to know who is typing.
func enterTyping(t *testing.T, l *transport.PipeListener, name string) *guest {
	t.Helper()
	return enterAs(t, l, &core.ClientOptions{Name: name, Groups: []string{typingGroup}, Retry: core.Retry{Off: true}})
}

// isTyping sends n notes.
func (g *guest) isTyping(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, g.Send("typing", nil))
	}
	synctest.Wait()
}

func TestWhoIsTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, _ := openRoom(t)
		ada, bob, cleo := enterTyping(t, l, "ada"), enterTyping(t, l, "bob"), enter(t, l, "cleo")
		ada.told, bob.told, cleo.told = nil, nil, nil
		ada.isTyping(t, 1)
		require.Empty(t, ada.told)
		require.Equal(t, []string{"typing ada"}, bob.told)
		require.Empty(t, cleo.told, "it has not asked for it")
		require.Equal(t, []string{"here ada", "here bob", "here cleo", "here dan"}, enterTyping(t, l, "dan").told, "it is not kept")
	})
}

// However many notes members send, few are passed on.
func TestAFloodOfTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, _ := openRoom(t)
		bob := enterTyping(t, l, "bob")
		mallories := make([]*guest, maxTyping+2)
		for i := range mallories {
			mallories[i] = enter(t, l, fmt.Sprint("mallory ", i))
		}
		bob.told = nil
		const turns = 3
		for range turns {
			for _, m := range mallories {
				m.isTyping(t, 50)
			}
			time.Sleep(typingEvery)
		}
		require.Len(t, bob.told, turns*maxTyping)

		// A member that leaves makes no room before its time.
		mallories[0].isTyping(t, 1)
		for i, m := range mallories {
			require.NoError(t, m.Close())
			synctest.Wait()
			mallories[i] = enter(t, l, fmt.Sprint("mallory ", i))
		}
		bob.told = nil
		for _, m := range mallories {
			m.isTyping(t, 1)
		}
		require.Len(t, bob.told, maxTyping-1)
	})
}
