//go:build !js

package outbox

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A lazy owner's writes wait for its gate.
type lazy struct {
	o       Outbox
	gate    chan struct{}
	wrote   atomic.Int32
	writing atomic.Int32
	exits   bool // Write ends its goroutine, as a handler may
}

func (l *lazy) Enter() bool { return true }

func (l *lazy) Write() (last bool) {
	if l.writing.Add(1) > 1 {
		panic("two write")
	}
	for bufs, _ := l.o.Take(); bufs != nil; bufs, _, _ = l.o.Next(0) {
		if l.gate != nil {
			<-l.gate
		}
		l.wrote.Add(int32(len(bufs)))
	}
	l.writing.Add(-1)
	if l.exits {
		runtime.Goexit()
	}
	return l.exits
}

// Writers that wait delay no other outbox. At most one goroutine writes from an outbox at a time.
func TestWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := &Common{Dropped: new(atomic.Uint64)}
		owners := make([]*lazy, 24)
		for i := range owners {
			l := &lazy{exits: i%5 == 1}
			if i%3 == 0 {
				l.gate = make(chan struct{})
			}
			l.o.Init(of, l, 10_000, new(int), false)
			owners[i] = l
		}
		for round := range int32(5) {
			for _, l := range owners {
				require.Nil(t, l.o.Send([]byte("a"), Data))
			}
			synctest.Wait()
			for i, l := range owners {
				if l.gate == nil {
					require.Equal(t, round+1, l.wrote.Load(), i)
				}
			}
		}
		for _, l := range owners {
			if l.gate != nil {
				close(l.gate)
			}
		}
		synctest.Wait()
		for i, l := range owners {
			require.Positive(t, l.wrote.Load(), i)
			writing, _ := l.o.Writing()
			require.False(t, writing, i)
		}
		require.Nil(t, of.writers.first)
		require.Nil(t, of.writers.last)
		require.False(t, of.writers.coming)
	})
}

// over owns outboxes whose connection is done.
type over struct{ byHand }

func (over) Enter() bool { return false }

// Nobody writes for a connection that is done.
func TestNoWriterLeft(t *testing.T) {
	o := newOutbox(10_000, nil)
	o.owner = over{}
	require.Nil(t, o.Send([]byte("a"), Data))
	writing, _ := o.Writing()
	require.False(t, writing)
}

// A writer stops gathering while gathering brings no frames, and gathers again when it would.
func TestGatheringStopsWhereItIsVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := &Common{Dropped: new(atomic.Uint64), Gather: true}
		var l lazy
		l.o.Init(of, &l, 10_000, new(int), false)
		const alone = 3 * vainSkips
		for range alone {
			require.Nil(t, l.o.Send([]byte("a"), Data))
			synctest.Wait()
		}
		require.EqualValues(t, alone, of.writers.vain)
		for burst := 0; of.writers.vain > 0; burst++ {
			require.Less(t, burst, 100*vainSkips)
			for range 20 {
				go l.o.Send([]byte("a"), Data)
			}
			synctest.Wait()
		}
	})
}
