//go:build !js

package core

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A storeOutOfReach opens, and nothing can be read from it.
type storeOutOfReach struct{ HistoryLog }

func (s storeOutOfReach) Open(context.Context, string, HistoryRules, HistoryHandler) (HistoryLog, error) {
	return s, nil
}
func (storeOutOfReach) Read(context.Context, string, uint64, uint64) (p HistoryPart, err error) {
	return p, errors.New("out of reach")
}
func (storeOutOfReach) Follow(string) error         { return nil }
func (storeOutOfReach) Unfollow(string) error       { return nil }
func (storeOutOfReach) MaxMessage() int             { return 1 << 20 }
func (storeOutOfReach) Close(context.Context) error { return nil }

// Groups that come and go while the store cannot be reached leave nothing behind.
func TestGroupsComeAndGoWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := NewServer(&ServerOptions{Logger: Silent, History: History{Messages: 10, Replay: true, Store: storeOutOfReach{}}})
		require.NoError(t, err)
		d := srv.shared
		for range 200 {
			for i := range 100 {
				group := strconv.Itoa(i)
				h := srv.store.Begin(group)
				f := d.follow(group)
				d.mustRead(f)
				if i > 0 { // the first one stays
					d.tidy(h, f)
				}
				h.End(false)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		waiting := 0
		for i := range d.queues {
			d.queues[i].mu.Lock()
			waiting += len(d.queues[i].tokens)
			d.queues[i].mu.Unlock()
		}
		require.Equal(t, 1, waiting)
		require.NoError(t, srv.Shutdown(context.Background()))
	})
}
