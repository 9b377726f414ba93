package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func count(s *Session, frames int) {
	for range frames {
		s.Count()
	}
}

func TestAckDue(t *testing.T) {
	tests := map[string]struct {
		asked        uint64 // bytes between acks that the peer wants
		frames, size int
		due, now     bool
	}{
		"little":                 {0, 1, 100, false, false},
		"many small frames":      {0, ackFrames, 100, true, false},
		"many frames":            {0, ackFrames, ackBytes, true, true},
		"few large frames":       {0, 2, ackBytes, false, false},
		"much":                   {0, 2, maxAckAt, true, true},
		"as much as is asked":    {4096, 2, 4096, true, true},
		"less than is asked":     {4096, 2, 4095, false, false},
		"asked for each byte":    {1, 1, 511, false, false},
		"asked for each byte, 2": {1, 1, 512, true, true},
		"asked for too rarely":   {1 << 40, 1, maxAckAt, true, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &Session{}
			s.Open(Credentials{Token: []byte("t"), AckBytes: tc.asked}, true)
			count(s, tc.frames)
			due, now := s.AckDue(tc.size)
			require.Equal(t, tc.due, due)
			require.Equal(t, tc.now, now)
		})
	}
}

// A peer that cannot resume gets no acks.
func TestNoAckWithoutSession(t *testing.T) {
	s := &Session{}
	count(s, 10*ackFrames)
	due, now := s.AckDue(1 << 30)
	require.False(t, due || now || s.Owes())
}

func TestAcking(t *testing.T) {
	s, _ := newSession()
	count(s, ackFrames)
	require.True(t, s.Owes())
	due, now := s.AckDue(1000)
	require.True(t, due && !now)
	require.True(t, s.Acking(0, false), "none has been written")
	due, _ = s.AckDue(0)
	require.True(t, due, "it has not been written yet")
	require.False(t, s.Acking(ackFrames, false), "it was written with something else")
	require.False(t, s.Owes())
	due, _ = s.AckDue(0)
	require.False(t, due)
	count(s, 1)
	require.True(t, s.Acking(ackFrames, true))
	require.False(t, s.Owes())
}

func TestCounts(t *testing.T) {
	s, l := newSession()
	count(s, 3)
	s.Uncount()
	require.EqualValues(t, 2, s.Received())
	require.Zero(t, s.Handled())
	s.EndBatch()
	require.EqualValues(t, 2, s.Handled())
	s.SetReceived(9)
	require.EqualValues(t, 5, s.Missed(5))
	require.Zero(t, s.Missed(5), "told again")
	require.Zero(t, s.Missed(4))
	require.EqualValues(t, 2, s.Missed(7))
	received, missed := s.Counts()
	require.EqualValues(t, 9, received)
	require.EqualValues(t, 7, missed)

	require.True(t, s.Suspend(l))
	require.True(t, s.Relink(l, newLink()))
	require.False(t, s.Owes(), "the welcome has said so")

	next := &Session{}
	next.Open(Credentials{Token: []byte("t")}, true)
	next.Restore(received, missed)
	require.EqualValues(t, 9, next.Handled())
	require.False(t, next.Owes())
}
