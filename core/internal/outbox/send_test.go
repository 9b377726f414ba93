package outbox

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each class takes the room that its comment says.
func TestClasses(t *testing.T) {
	const limit = 100_000
	tests := map[string]struct {
		waits, kept int // bytes
		c           Class
		n           int
		fits        bool
	}{
		"data up to the bound":                     {90000, 0, Data, 10_000, true},
		"data beyond the bound":                    {90000, 0, Data, 10_001, false},
		"data in an empty outbox":                  {0, 0, Data, 200_000, true},
		"data pushes out what is kept":             {10000, 90000, Data, 50_000, true},
		"own goes over the bound":                  {90000, 0, Own, 10_000 + limit/4 + smallBlock, true},
		"own goes over the bound by no more":       {90000, 0, Own, 10_001 + limit/4 + smallBlock, false},
		"beside what is kept":                      {10000, 80000, Beside, 10_000, true},
		"beside pushes out nothing":                {10000, 80000, Beside, 10_001, false},
		"patient up to half":                       {40000, 0, Patient, 10_000, true},
		"patient beyond half":                      {40000, 0, Patient, 10_001, false},
		"patient waits for acks":                   {10000, 85000, Patient, 10_000, false},
		"patient with more unread pushes out kept": {10000, 85000, Patient | Unread, 10_000, true},
		"numbers that overflow":                    {90000, 0, Data, math.MaxInt / 2, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOutbox(limit, nil)
			o.Keep()
			if tc.kept > 0 {
				require.Nil(t, o.Send(make([]byte, tc.kept), Data))
				bufs, _ := o.Take()
				require.NotNil(t, bufs)
				o.Done(0)
			}
			o.Hold(0)
			if tc.waits > 0 {
				require.Nil(t, o.Share(NewBlock(make([]byte, tc.waits)), Data))
			}
			no := o.Admits(tc.n, tc.c)
			require.Equal(t, tc.fits, no == nil)
			if no != nil {
				require.Equal(t, &Refusal{Why: Full, Waiting: tc.waits, Kept: tc.kept}, no)
				require.NotNil(t, o.Admits(tc.n, tc.c|Patient|Await).Room)
				o.Mute(true)
				require.Equal(t, Mute, o.Admits(tc.n, tc.c).Why)
				o.mute = false
				require.Equal(t, Away, o.Admits(tc.n, tc.c).Why)
			}
			o.Close(Closing{})
			require.Equal(t, Closed, o.Admits(tc.n, tc.c).Why)
		})
	}
}

// A handler during which more has come than may wait pushes out no kept frame while there is no link: the ack that it
// waits for comes with the next link, and only a connection that can be resumed gets one.
func TestUnreadWithoutLinkPushesOutNothing(t *testing.T) {
	tests := map[string]struct {
		lose func(o *Outbox)
		why  Why
	}{
		"suspended": {(*Outbox).Suspend, Away},
		"mute":      {func(o *Outbox) { o.Mute(true) }, Mute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOutbox(100_000, nil)
			o.Keep()
			require.Nil(t, o.Send(make([]byte, 85_000), Data))
			bufs, _ := o.Take()
			require.NotNil(t, bufs)
			o.Done(0)
			tc.lose(o)
			no := o.Admits(20_000, Patient|Unread)
			require.NotNil(t, no)
			require.Equal(t, Refusal{Why: tc.why, Kept: 85_000}, *no)
			require.Nil(t, o.Admits(20_000, Data), "who cannot wait pushes it out")
			require.Zero(t, o.keep.bytes)
		})
	}
}

// The largest bound leaves room for numbers beyond it.
func TestLargestBound(t *testing.T) {
	o := newOutbox(math.MaxInt/4, nil)
	o.bytes = o.limit
	require.NotNil(t, o.Admits(1<<30, Data))
	require.Nil(t, o.Admits(100, Own))
}
