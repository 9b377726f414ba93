//go:build !js

package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/internal/relay"
)

// A claiming is the right to claim a thing of a session that is being fetched. Nobody else of this node claims it meanwhile.
type claiming struct {
	thing relay.Thing
	turn  relay.Turn
}

// beginClaims takes the right to claim the name and the place of the session.
func (a *arriving) beginClaims(ctx context.Context) *Error {
	k := a.k
	for _, t := range k.things(a.sight.Name, a.sight.User) {
		k.claims.Enter(t, k.placesOf(t))
		for {
			turn, ok, wait := k.claims.Begin(t)
			if ok {
				a.claims = append(a.claims, &claiming{t, turn})
				break
			}
			if why := k.await(ctx, wait); why != nil {
				k.claims.Leave(t)
				return why
			}
		}
	}
	return nil
}

// endClaims claims the name and the place, if the session has been taken: its keeper has given them back. It fails if somebody else was faster.
func (a *arriving) endClaims(ctx context.Context, taken bool) (why *Error) {
	k := a.k
	for _, of := range a.claims {
		again := !taken
		if taken {
			of.turn.Count(k.seatsOf(of.thing))
			for {
				holders, err := k.fill(ctx, of.thing, &of.turn)
				again = err != nil
				if err != nil || len(holders) == 0 {
					break
				}
				if !slices.Contains(holders, a.keeper) || k.pause(ctx, claimPause) != nil {
					why, again = &Error{Code: CodeSessionOver, Message: "somebody else has taken the name while the session moved"}, true
					break
				}
			}
		}
		k.claims.End(of.thing, of.turn.Needed, again)
		k.claims.Leave(of.thing)
	}
	if len(a.claims) > 0 {
		k.wake()
	}
	a.claims = nil
	return why
}
