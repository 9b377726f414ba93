package classic

import (
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

func TestNextBare(t *testing.T) {
	tests := map[string]struct {
		in      string
		payload string // empty if there is a fault
		size    int
		ok      bool
		code    wire.Code
	}{
		"a frame":                    {in: "2               hirest", payload: "hi", size: 18, ok: true},
		"nothing":                    {},
		"disconnected":               {in: "$DISCONN$rest", payload: "$DISCONN$", size: 9, ok: true},
		"asked":                      {in: "$KEEPALIVE$5 ", payload: "$KEEPALIVE$", size: 11, ok: true},
		"the beginning of both":      {in: "$", size: 9},
		"part of one":                {in: "$KEEPAL", size: 11},
		"another marker":             {in: "$DISCOVER$", code: wire.CodeProtocol},
		"a record":                   {in: `{"name": "}{\"", "x": {}}{`, payload: `{"name": "}{\"", "x": {}}`, size: 25, ok: true},
		"part of a record":           {in: `{"name": "\`, size: 12},
		"the longest record":         {in: `{` + strings.Repeat(" ", maxBare-2) + `}`, payload: `{` + strings.Repeat(" ", maxBare-2) + `}`, size: maxBare, ok: true},
		"a longer one":               {in: `{` + strings.Repeat(" ", maxBare-1) + `}`, code: wire.CodeTooBig},
		"one that never ends":        {in: strings.Repeat("{", maxBare), code: wire.CodeTooBig},
		"what else is not a header":  {in: "[1]             ", code: wire.CodeProtocol},
		"a header over the limit":    {in: "101             ", code: wire.CodeTooBig},
		"part of a frame of markers": {in: "9               $DISC", size: 25},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			payload, size, ok, err := NextBare([]byte(tc.in), 0, 100)
			if tc.code != 0 {
				requireCode(t, tc.code, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.payload, string(payload))
			require.Equal(t, tc.size, size)
			require.Equal(t, tc.ok, ok)
		})
	}
}

func TestKindOf(t *testing.T) {
	tests := map[string]struct {
		client, server Kind // the kind if a client sends the payload, and if a server does
		rest           string
	}{
		"$CMD$say$MSG$0       ":  {KindCommand, KindCommand, ""},
		"no marker":              {KindCommand, KindCommand, ""},
		"":                       {KindCommand, KindCommand, ""},
		"$USRCLOSE$":             {KindLeaving, KindCommand, ""},
		"$USRCLOSE$ ":            {KindCommand, KindCommand, ""},
		"$KEEPACK$":              {KindAliveAnswer, KindCommand, ""},
		"$CHNAME$anna":           {KindRename, KindCommand, "anna"},
		"$CHNAME$":               {KindRename, KindCommand, ""},
		"$CHGROUP$blue":          {KindRegroup, KindCommand, "blue"},
		"$GETCLT$127.0.0.1:5":    {KindAsk, KindCommand, "127.0.0.1:5"},
		"$DISCONN$":              {KindCommand, KindDismissal, ""},
		"$KEEPALIVE$":            {KindCommand, KindAliveProbe, ""},
		"$CLTCONN${}":            {KindCommand, KindNotice, ""},
		"$CLTDISCONN${}":         {KindCommand, KindNotice, ""},
		`{"traceback": "x"}`:     {KindCommand, KindRecord, ""},
		`$CLTHELLO${"name": ""}`: {KindCommand, KindCommand, ""},
	}
	for payload, want := range tests {
		t.Run(payload, func(t *testing.T) {
			k, rest := KindOf([]byte(payload), true)
			require.Equal(t, want.client, k)
			if k != KindCommand {
				require.Equal(t, want.rest, string(rest))
			}
			k, _ = KindOf([]byte(payload), false)
			require.Equal(t, want.server, k)
		})
	}
}

func TestSplitTyped(t *testing.T) {
	tests := map[string]struct {
		name, body string
		none       bool
	}{
		"$CMD$say$MSG$0       ":   {name: "say", body: "0       "},
		"$CMD$say$MSG$":           {name: "say"},
		"$CMD$$MSG$":              {},
		"$CMD$a$MSG$b$MSG$":       {name: "a", body: "b$MSG$"},
		"$CMD$say":                {name: "$CMD$say", none: true},
		"no marker here":          {name: "no marker here", none: true},
		"$MSG$say$CMD$":           {name: "$MSG$say$CMD$", none: true},
		" $CMD$say$MSG$0       ":  {name: " $CMD$say$MSG$0       ", none: true},
		"$CMD$DCM$MSG$2       1s": {name: "DCM", body: "2       1s"},
	}
	for payload, want := range tests {
		t.Run(payload, func(t *testing.T) {
			name, body := SplitTyped([]byte(payload))
			require.Equal(t, want.name, string(name))
			require.Equal(t, want.body, string(body))
			require.Equal(t, want.none, body == nil)
		})
	}
}

func TestCheckTyped(t *testing.T) {
	tests := map[string]struct{ client, server bool }{
		"say":      {true, true},
		"two word": {true, true},
		"say$":     {true, true},
		"m":        {true, true},
		"d$CMD$":   {true, true},
		"":         {false, false},
		"a$MSG$b":  {false, false},
		"$x":       {true, false},
		"MOVE":     {true, false},
		"Chat":     {true, false},
		"Do":       {true, false},
		"ÇA":       {true, true},
	}
	for name, may := range tests {
		t.Run(name, func(t *testing.T) {
			for toServer, ok := range map[bool]bool{false: may.client, true: may.server} {
				err := CheckTyped(name, toServer)
				if ok {
					require.NoError(t, err)
				} else {
					requireCode(t, wire.CodeBadName, err)
				}
			}
		})
	}
	require.ErrorContains(t, CheckTyped("MOVE", true), `command "MOVE"`)
	require.ErrorContains(t, CheckTyped("MOVE", true), "begins with $, C, M or D")
}

func TestAppendTyped(t *testing.T) {
	got, err := AppendTyped([]byte("before"), 6, "sum", FormJSON, []byte("[20,22]"))
	require.NoError(t, err)
	require.Equal(t, "before30    $CMD$sum$MSG$5       l2i2i2022", string(got))

	got, err = AppendTyped([]byte("before"), 2, "say", FormText, []byte(strings.Repeat("x", 75)))
	require.NoError(t, err)
	require.Equal(t, "before99$CMD$", string(got[:13]))
	got, err = AppendTyped([]byte("before"), 2, "say", FormText, []byte(strings.Repeat("x", 76)))
	requireCode(t, wire.CodeTooBig, err)
	require.Equal(t, "before", string(got))
	got, err = AppendTyped([]byte("before"), 16, "say", FormJSON, []byte("true"))
	requireCode(t, wire.CodeUnsupported, err)
	require.Equal(t, "before", string(got))
}

func TestHelloTyped(t *testing.T) {
	h, err := ParseHelloTyped([]byte(`$CLTHELLO${ "group":"b","name":null}`))
	require.NoError(t, err)
	require.Equal(t, Hello{Group: LabelOf("b")}, h)
	for _, payload := range []string{`$CLTHELLO$ {"name": null, "group": null}`, `{"name": null, "group": null}`, ``} {
		require.False(t, IsHelloTyped([]byte(payload)))
		_, err := ParseHelloTyped([]byte(payload))
		requireCode(t, wire.CodeProtocol, err)
	}
	for _, payload := range []string{`$CLTHELLO$`, `$CLTHELLO${"name": null}`, `$CLTHELLO${"name": {}, "group": null}`} {
		require.True(t, IsHelloTyped([]byte(payload)))
		_, err := ParseHelloTyped([]byte(payload))
		require.Error(t, err)
	}
}
