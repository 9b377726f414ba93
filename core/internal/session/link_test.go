package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Only the time in which the reader waits for the peer of a mute link counts.
func TestPatienceWithAMuteLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink()
		for range 4 {
			since := l.BeginWait()
			time.Sleep(MuteTime / 5)
			require.False(t, l.Waited(1, since))
			time.Sleep(time.Hour) // stands for a handler
		}
		since := l.BeginWait()
		time.Sleep(MuteTime / 5)
		require.True(t, l.Waited(1, since))
	})
}

func TestMuchOfAMuteLink(t *testing.T) {
	l := newLink()
	require.False(t, l.Waited(MaxMute, time.Now()))
	require.True(t, l.Waited(1, time.Now()))
}

func TestLinkIsReleased(t *testing.T) {
	l := newLink()
	require.False(t, closed(l.WhenUnread()))
	l.SawGoodbye()
	l.EndReading(true)
	require.True(t, closed(l.WhenUnread()))
	goodbye, ended := l.Parting()
	require.True(t, goodbye && ended)
	require.False(t, closed(l.WhenReleased()))
	l.Release()
	require.True(t, closed(l.WhenReleased()))
}
