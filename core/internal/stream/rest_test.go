package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// arrive gives an item to a receiver that waits, and then lets it take. It returns the time that this took.
func arrive(t *testing.T, client, server *Table, from *Stream) time.Duration {
	require.True(t, from.SendNow([]byte("item")))
	begin := time.Now()
	flush(t, client, server)
	server.LetTake()
	return time.Since(begin)
}

// waiting makes the receiver wait.
func waiting(t *testing.T, s *Stream) {
	_, st, err := s.TryNext()
	require.NoError(t, err)
	require.Equal(t, Wait, st)
}

// The reader rests until the receiver that it has woken waits again.
func TestReaderRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newTable(false), newTable(true)
		here, there := opened(t, client, server, 1)
		const items, each = 100, mostRest / 4 // an item takes the receiver that long
		waiting(t, there)
		go func() {
			for n := 0; n < items; {
				if _, st, _ := there.TryNext(); st == Done {
					n++
					time.Sleep(each)
				} else {
					<-there.Readable()
				}
			}
			there.TryNext() //nolint:errcheck // it waits
		}()
		for range items {
			require.Equal(t, each, arrive(t, client, server, here))
		}
	})
}

// The reader rests little for a receiver that takes long: a rest in vain is followed by twice as many wake-ups without one.
func TestReaderRestsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newTable(false), newTable(true)
		here, there := opened(t, client, server, 1)
		var rests []int
		for n := range 3 * mostLeave {
			waiting(t, there)
			if took := arrive(t, client, server, here); took > 0 {
				require.Equal(t, mostRest, took)
				rests = append(rests, n)
			}
			<-there.Readable()
			_, st, _ := there.TryNext()
			require.Equal(t, Done, st)
		}
		require.Equal(t, []int{0, 17, 50, 115, 244, 501, 1014, 2039, 3064}, rests)
	})
}

// The end of a stream, and a receiver that takes no more, end a rest.
func TestRestEnds(t *testing.T) {
	for name, end := range map[string]func(here, there *Stream){
		"taken to the end": func(here, there *Stream) {
			for st := Done; st == Done; {
				_, st, _ = there.TryNext()
			}
		},
		"given up": func(_, there *Stream) { there.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := newTable(false), newTable(true)
				here, there := opened(t, client, server, 1)
				waiting(t, there)
				go func() {
					<-there.Readable()
					end(here, there)
				}()
				here.SendNow([]byte("item"))
				here.Finish(wire.Goodbye{}, nil)
				begin := time.Now()
				flush(t, client, server)
				server.LetTake()
				require.Zero(t, time.Since(begin))
			})
		})
	}
}
