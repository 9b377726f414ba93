//go:build !js

package core

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
)

// seek finds the node that has a session, for a newcomer that counts for the address from. It returns 0 if no node has it.
func (k *cluster) seek(ctx context.Context, t *relay.Ticket, from string) (keeper uint64, s relay.Sight, why *Error) {
	if why := k.isUp(); why != nil {
		if down := k.moves.downSince.Load(); down == 0 || k.age()-time.Duration(down) > k.srv.opts.Timeouts.Resume {
			return 0, s, nil // the session is over by now, or there never was a cluster
		}
		return 0, s, why
	}
	asked := []uint64{k.self}
	at := t.Node
	if at == k.self {
		id, _ := k.ownSession(t.Node, t.Conn)
		to, _ := k.moves.gone.Where(id)
		at = to.Node
	}
	for hop := 0; hop < maxHops && at != 0 && !slices.Contains(asked, at) && k.awaitNode(ctx, at); hop++ {
		asked = append(asked, at)
		found, s, silent := k.seekAt(ctx, []uint64{at}, relay.Topic{To: relay.ToConn, Node: at}, t)
		switch {
		case found == 0 && len(silent) == 0:
			return 0, s, nil // the node at which it began knows best
		case found == 0:
			if !k.isSilent(at) {
				return 0, s, k.unsure(ctx)
			}
			at = 0
		case s.Moved == 0:
			return found, s, nil
		case s.Moved == k.self && k.isHere(t): // another attempt of the client has taken it meanwhile
			return 0, s, k.srv.later(NewError(CodeUnavailable, "the session has just come"))
		default:
			at = s.Moved
		}
	}
	if !k.mayStray(from) {
		return 0, s, k.srv.later(NewError(CodeUnavailable, "too many sessions are looked for"))
	}
	for range 2 {
		var rest []uint64
		for _, n := range k.serving() {
			if !slices.Contains(asked, n) {
				rest = append(rest, n)
			}
		}
		if len(rest) > 0 {
			found, s, silent := k.seekAt(ctx, rest, relay.Topic{To: relay.ToNodes}, t)
			switch {
			case found != 0 && s.Moved == 0:
				return found, s, nil
			case found != 0 || slices.ContainsFunc(silent, func(n uint64) bool { return !k.isSilent(n) }):
				return 0, s, k.unsure(ctx)
			}
			asked = append(asked, rest...)
		}
		if k.isSettled() || !k.awaitSettled(ctx) {
			break
		}
	}
	return 0, s, nil
}

// isHere reports whether a session that began elsewhere is at this node, or on its way here.
func (k *cluster) isHere(t *relay.Ticket) bool {
	id, ok := k.ownSession(t.Node, t.Conn)
	if !ok {
		return false
	}
	_, gone := k.moves.gone.Where(id)
	return !gone && k.srv.roster.Session(id) != nil
}

func (k *cluster) unsure(ctx context.Context) *Error {
	if k.srv.isClosing() {
		return errShuttingDown
	}
	return k.srv.later(wrapError(CodeUnavailable, "it takes too long to find the session", ctx.Err()))
}

// seekAt asks nodes for a session. It returns the node that has it, or knows where it is, or 0, and the nodes that have not answered.
func (k *cluster) seekAt(ctx context.Context, nodes []uint64, over relay.Topic, t *relay.Ticket) (found uint64, s relay.Sight, silent []uint64) {
	ctx, cancel := context.WithTimeout(ctx, seekTime)
	defer cancel()
	defer k.watchSilence(cancel, nodes)()
	left, _ := k.ask(ctx, nodes, over, relay.Question{Subject: relay.Seek, Rest: t.Append(nil)}, func(from uint64, a relay.Answer) bool {
		if a.Code != 0 {
			if code := Code(a.Code); code != CodeSessionOver && code != CodeTooBig { // too big to move: it is lost
				silent = append(silent, from)
			}
			return false
		}
		got, fault := relay.ParseSight(a.Rest)
		if fault != relay.None {
			k.refused(fault, relay.TopicOfNode(k.self))
			silent = append(silent, from)
			return false
		}
		if found == 0 || got.Moved == 0 {
			found, s = from, got
		}
		if s.Moved != 0 {
			found = from
		}
		return s.Moved == 0 || len(nodes) == 1
	})
	return found, s, append(silent, left...)
}

// isSettled reports whether the node has had the time to hear of all others.
func (k *cluster) isSettled() bool {
	return k.age()-time.Duration(k.since.Load()) >= 2*k.opts.Beat
}

// isSilent reports whether a node has not been heard of for so long that it is very likely dead, although it has not been taken for gone yet.
func (k *cluster) isSilent(node uint64) bool {
	return time.Since(k.nodes.Heard(node)) > silentBeats*k.opts.Beat/2
}

// silentBeats is twice the number of beats after which a node is silent.
const silentBeats = 5

// watchSilence calls cancel when some of the nodes are silent: they need not be waited for. The others have had time to answer. The caller calls stop.
func (k *cluster) watchSilence(cancel func(), nodes []uint64) (stop func()) {
	done := make(chan struct{})
	k.running.Go(func() {
		t := time.NewTicker(k.opts.Beat / 2)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				if slices.ContainsFunc(nodes, k.isSilent) {
					cancel()
					return
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done) }
}

// awaitNode waits until a node is known, or the node knows that there is no such node. It reports whether the node is known.
func (k *cluster) awaitNode(ctx context.Context, node uint64) bool {
	for k.nodes.ID(node) == "" {
		if k.isSettled() || k.pause(ctx, claimPause) != nil {
			return false
		}
	}
	return true
}

func (k *cluster) awaitSettled(ctx context.Context) bool {
	for !k.isSettled() {
		if k.pause(ctx, claimPause) != nil {
			return false
		}
	}
	return true
}

// Bounds of the questions to all nodes.
const (
	strayStep  = 2 * time.Millisecond // between two
	strayBurst = 500                  // at once
)

// mayStray reports whether all nodes may be asked for the session of a newcomer that counts for an address.
func (k *cluster) mayStray(from string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moves.strays.Take(from, k.age())
}

// beginFetch reports whether a session may be fetched now, for a newcomer that counts for an address. Then the caller calls endFetch.
func (k *cluster) beginFetch(from string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moves.fetching.Take(from)
}

func (k *cluster) endFetch(from string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moves.fetching.Give(from)
}

// shareOf returns the address for which a newcomer counts, or none if the address may stand for many.
func shareOf(ar *arrival) string {
	from := addrOf(ar.stream.Info())
	if from.Many || from.Proxy {
		return ""
	}
	return from.Host
}
