//go:build !js

package core

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a client of the original asks for goes through the same authorizers. It cannot be
// answered: the program is told.
func TestClassicChangesAreAuthorized(t *testing.T) {
	refuse := func(_ context.Context, _ *Conn, what string) error {
		switch what {
		case "no":
			return NewError(CodeUnauthorized, "not you")
		case "panic":
			panic("as the test asked for")
		}
		return nil
	}
	tests := map[string]struct {
		opts   ServerOptions
		ask    string
		is     string
		faults []hooked
	}{
		"allowed by default":   {ServerOptions{}, "$CHNAME$eve $CHGROUP$blue", "eve[blue]", nil},
		"refused by default":   {ServerOptions{Access: Access{Authorize: allowAll}}, "$CHNAME$eve $CHGROUP$blue", "ann[]", []hooked{{true, CodeUnauthorized}, {true, CodeUnauthorized}}},
		"leaving is allowed":   {ServerOptions{Access: Access{Authorize: allowAll}}, "$CHGROUP$blue", "ann[]", []hooked{{true, CodeUnauthorized}}},
		"authorized":           {ServerOptions{Access: Access{Authorize: allowAll, AuthorizeName: refuse, AuthorizeGroup: refuse}}, "$CHNAME$eve $CHGROUP$blue", "eve[blue]", nil},
		"refused":              {ServerOptions{Access: Access{AuthorizeName: refuse, AuthorizeGroup: refuse}}, "$CHNAME$no $CHGROUP$no", "ann[]", []hooked{{true, CodeUnauthorized}, {true, CodeUnauthorized}}},
		"not decided":          {ServerOptions{Access: Access{AuthorizeName: refuse}}, "$CHNAME$panic", "ann[red]", []hooked{{true, CodeUnavailable}}},
		"kept out, asks again": {ServerOptions{Access: Access{Authorize: func(_ context.Context, a *Admission) error { a.Groups = nil; return nil }}}, "$CHGROUP$red", "ann[]", []hooked{{true, CodeUnauthorized}}},
		"reserved":             {ServerOptions{Access: Access{ReservedNames: []string{"eve"}}}, "$CHNAME$eve", "ann[red]", []hooked{{true, CodeNameTaken}}},
		"too often, as it is":  {ServerOptions{Limits: Limits{ChangeRate: 1, MaxGroups: 1}}, "$CHNAME$a $CHNAME$b", "a[red]", []hooked{{true, CodeRateLimit}}},
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
				require.Equal(w.t, tc.faults, faults.all())
			})
		})
	}
}

func allowAll(context.Context, *Admission) error { return nil }

// A group of a classic hello that is refused is told to the program.
func TestClassicGroupIsRefused(t *testing.T) {
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(context.Context, *Conn, string) error { return NewError(1500, "no") }}}
	echoWorld(t, opts, func(w *world, faults *kept[hooked], _ func()) {
		w.v3(`"ann"`, `"red"`)
		require.Empty(t, w.conn("ann").Groups())
		require.Equal(t, []hooked{{true, 1500}}, faults.all())
	})
}
