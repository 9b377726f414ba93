//go:build !js

package core

import (
	"strconv"

	"github.com/hisock/hisock/core/internal/relay"
)

// report tells the program of messages that were not relayed, or were lost, since the last time.
func (k *cluster) report() {
	_, dropped := k.queue.Waiting()
	if unsent := dropped + k.count.unfit.Load(); unsent > k.count.unsentTold {
		n := unsent - k.count.unsentTold
		k.count.unsentTold = unsent
		k.srv.eng.faultOf(nil, "messages could not be relayed", NewError(CodeQueueFull, strconv.FormatUint(n, 10)+" messages could not be relayed"))
	}
	if lost := k.count.lost(); lost > k.count.lostTold {
		n := lost - k.count.lostTold
		k.count.lostTold = lost
		k.srv.eng.faultOf(nil, "messages of other nodes were lost", NewError(CodeConnLost, strconv.FormatUint(n, 10)+" messages of other nodes were lost"))
	}
	if refused := k.count.refused.Load(); refused > k.count.refusedTold {
		n := refused - k.count.refusedTold
		k.count.refusedTold = refused
		k.srv.eng.faultOf(nil, "messages over the relay were refused", NewError(CodeProtocol, strconv.FormatUint(n, 10)+" messages over the relay were refused"))
	}
}

// tellNode has the function of OnNode run.
func (k *cluster) tellNode(n relay.Node, here bool) {
	f := k.srv.onNode
	if f == nil {
		return
	}
	k.later(func() {
		defer k.srv.eng.recover(nil, "node handler")
		f(Node{ID: n.ID, Number: n.Incarnation, Serves: n.Serves}, here)
	})
}

// later has f run on the goroutine of runEvents.
func (k *cluster) later(f func()) {
	k.mu.Lock()
	k.events = append(k.events, f)
	k.mu.Unlock()
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// runEvents runs what later has noted, until the node closes.
func (k *cluster) runEvents() {
	for ended := false; ; {
		k.mu.Lock()
		events := k.events
		k.events = nil
		k.mu.Unlock()
		for _, f := range events {
			f()
		}
		switch {
		case len(events) > 0:
			continue
		case ended:
			return
		}
		select {
		case <-k.news:
		case <-k.ctx.Done():
			ended = true
		}
	}
}
