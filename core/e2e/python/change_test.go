//go:build !js

package python_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// The requests of a client of the original go through the same authorizers. They cannot be
// answered: the program is told.
func TestChangesAreAuthorized(t *testing.T) {
	refuse := func(_ context.Context, _ *core.Conn, what string) error {
		switch what {
		case "no":
			return core.NewError(core.CodeUnauthorized, "not you")
		case "panic":
			panic("as the test asked for")
		}
		return nil
	}
	tests := map[string]struct {
		opts   core.ServerOptions
		ask    string
		is     string
		faults []hooked
	}{
		"allowed by default":   {core.ServerOptions{}, "$CHNAME$eve $CHGROUP$blue", "eve[blue]", nil},
		"refused by default":   {core.ServerOptions{Access: core.Access{Authorize: allowAll}}, "$CHNAME$eve $CHGROUP$blue", "ann[]", []hooked{{true, core.CodeUnauthorized}, {true, core.CodeUnauthorized}}},
		"leaving is allowed":   {core.ServerOptions{Access: core.Access{Authorize: allowAll}}, "$CHGROUP$blue", "ann[]", []hooked{{true, core.CodeUnauthorized}}},
		"authorized":           {core.ServerOptions{Access: core.Access{Authorize: allowAll, AuthorizeName: refuse, AuthorizeGroup: refuse}}, "$CHNAME$eve $CHGROUP$blue", "eve[blue]", nil},
		"refused":              {core.ServerOptions{Access: core.Access{AuthorizeName: refuse, AuthorizeGroup: refuse}}, "$CHNAME$no $CHGROUP$no", "ann[]", []hooked{{true, core.CodeUnauthorized}, {true, core.CodeUnauthorized}}},
		"not decided":          {core.ServerOptions{Access: core.Access{AuthorizeName: refuse}}, "$CHNAME$panic", "ann[red]", []hooked{{true, core.CodeUnavailable}}},
		"kept out, asks again": {core.ServerOptions{Access: core.Access{Authorize: func(_ context.Context, a *core.Admission) error { a.Groups = nil; return nil }}}, "$CHGROUP$red", "ann[]", []hooked{{true, core.CodeUnauthorized}}},
		"reserved":             {core.ServerOptions{Access: core.Access{ReservedNames: []string{"eve"}}}, "$CHNAME$eve", "ann[red]", []hooked{{true, core.CodeNameTaken}}},
		"too often, as it is":  {core.ServerOptions{Limits: core.Limits{ChangeRate: 1, MaxGroups: 1}}, "$CHNAME$a $CHNAME$b", "a[red]", []hooked{{true, core.CodeRateLimit}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, &tc.opts, func(w *world, faults *kept[hooked], _ func()) {
				p := w.v3(`"ann"`, `"red"`)
				c := w.conn("ann")
				for _, ask := range strings.Fields(tc.ask) {
					p.send(oldFrames(ask))
				}
				require.Empty(w.t, p.take())
				require.Equal(w.t, tc.is, fmt.Sprint(c.Name(), c.Groups()))
				require.Equal(w.t, tc.faults, faults.All())
			})
		})
	}
}

func allowAll(context.Context, *core.Admission) error { return nil }

// A refused group of a classic hello is told to the program.
func TestGroupIsRefused(t *testing.T) {
	opts := &core.ServerOptions{Access: core.Access{AuthorizeGroup: func(context.Context, *core.Conn, string) error { return core.NewError(1500, "no") }}}
	echoWorld(t, opts, func(w *world, faults *kept[hooked], _ func()) {
		w.v3(`"ann"`, `"red"`)
		require.Empty(t, w.conn("ann").Groups())
		require.Equal(t, []hooked{{true, 1500}}, faults.All())
	})
}

// An authorizer that could not decide about a request of a client of the original is told to the program once, in no
// more words than for a native client: its error may hold a secret.
func TestUndecidedChangeTellsNoSecret(t *testing.T) {
	undecided := func(_ context.Context, _ *core.Conn, what string) error {
		return errors.New("bad token sesame for " + what)
	}
	opts := &core.ServerOptions{Access: core.Access{AuthorizeName: undecided, AuthorizeGroup: undecided}}
	echoWorld(t, opts, func(w *world, faults *kept[hooked], _ func()) {
		p := w.v3(`"ann"`, `"red"`)
		p.send(oldFrames("$CHNAME$eve"))
		p.send(oldFrames("$CHGROUP$blue"))
		require.Empty(w.t, p.take())
		require.Equal(w.t, "ann[]", fmt.Sprint(w.conn("ann").Name(), w.conn("ann").Groups()))
		undecided := hooked{true, core.CodeUnavailable}
		require.Equal(w.t, []hooked{undecided, undecided, undecided}, faults.All())
		require.Contains(w.t, w.log.EveryForm(), "an authorizer could not decide")
		require.NotContains(w.t, w.log.EveryForm(), "sesame")
	})
}
