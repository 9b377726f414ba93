package classic

import (
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

func TestAppendHello(t *testing.T) {
	tests := map[string]struct {
		hello Hello
		want  string
	}{
		"name and group": {
			Hello{LabelOf("alice"), LabelOf("red")},
			`44              $CLTHELLO$ {"name": "alice", "group": "red"}`,
		},
		"neither": {
			Hello{},
			`40              $CLTHELLO$ {"name": null, "group": null}`,
		},
		"empty texts": {
			Hello{LabelOf(""), LabelOf("")},
			`36              $CLTHELLO$ {"name": "", "group": ""}`,
		},
		"beyond ASCII": {
			Hello{LabelOf("Zoë \"Z\" 🦊"), LabelOf("grüppe")},
			`74              $CLTHELLO$ {"name": "Zo\u00eb \"Z\" \ud83e\udd8a", "group": "gr\u00fcppe"}`,
		},
		"text of a label that is not set": {
			Hello{Label{Text: "ignored"}, LabelOf("x")},
			`39              $CLTHELLO$ {"name": null, "group": "x"}`,
		},
		"not UTF-8": {
			Hello{LabelOf("a\xffb"), Label{}},
			`46              $CLTHELLO$ {"name": "a\ufffdb", "group": null}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "before"+tc.want, string(AppendHello([]byte("before"), 0, tc.hello)))
		})
	}
}

func TestParseHello(t *testing.T) {
	some := LabelOf
	tests := map[string]struct {
		payload string
		want    Hello
	}{
		"as the original writes it": {`$CLTHELLO$ {"name": "alice", "group": "red"}`, Hello{some("alice"), some("red")}},
		"without the marker":        {`{"name": "alice", "group": "red"}`, Hello{some("alice"), some("red")}},
		"null":                      {`$CLTHELLO$ {"name": null, "group": null}`, Hello{}},
		"empty texts":               {`$CLTHELLO$ {"name": "", "group": ""}`, Hello{some(""), some("")}},
		"no space":                  {`$CLTHELLO$ {"name":"a","group":"b"}`, Hello{some("a"), some("b")}},
		"space everywhere":          {"$CLTHELLO$ \r\n\t{ \"name\"\t:\n\"a\" ,\r\"group\" : null } \n", Hello{Name: some("a")}},
		"group first":               {`{"group": "b", "name": "a"}`, Hello{some("a"), some("b")}},
		"last of two":               {`{"name": {}, "group": "b", "name": "a"}`, Hello{some("a"), some("b")}},
		"more keys": {
			`{"version": [1, {"a": -0.5e+3}, "]"], "name": "a", "": {"name": "no"}, "group": null, "x": true}`,
			Hello{Name: some("a")},
		},
		"key in escapes":         {`{"\u006e\u0061\u006D\u0065": "a", "\u0067\u0072\u006f\u0075\u0070": "b"}`, Hello{some("a"), some("b")}},
		"other keys alike":       {`{"Name": 1, "name ": 2, "nam": 3, "\u0000name": 4, "name": "a", "group": null}`, Hello{Name: some("a")}},
		"integer and bool":       {`{"name": 42, "group": true}`, Hello{some("42"), some("true")}},
		"fraction":               {`{"name": -0.50, "group": 1E5}`, Hello{some("-0.50"), some("1E5")}},
		"numbers that are not":   {`{"name": NaN, "group": -Infinity}`, Hello{some("NaN"), some("-Infinity")}},
		"infinity and false":     {`{"name": Infinity, "group": false}`, Hello{some("Infinity"), some("false")}},
		"escapes":                {`{"name": "\"\\\/\b\f\n\r\t\u0041\u00e9", "group": null}`, Hello{Name: some("\"\\/\b\f\n\r\tAé")}},
		"surrogate pair":         {`{"name": "\uD83E\uDD8A", "group": null}`, Hello{Name: some("🦊")}},
		"half a pair":            {`{"name": "\ud83e", "group": "\udd8a!"}`, Hello{some("\ufffd"), some("\ufffd!")}},
		"half a pair and a pair": {`{"name": "\ud83e\ud83e\udd8a", "group": "\ud83ex\\udd8a"}`, Hello{some("\ufffd🦊"), some("\ufffdx\\udd8a")}},
		"pair the wrong way":     {`{"name": "\udd8a\ud83e", "group": "\ud83e\u0041"}`, Hello{some("\ufffd\ufffd"), some("\ufffdA")}},
		"NUL":                    {`{"name": "\u0000", "group": null}`, Hello{Name: some("\x00")}},
		"UTF-8 without escapes":  {`{"name": "Zoë 🦊", "group": "` + "\x7f" + `"}`, Hello{some("Zoë 🦊"), some("\x7f")}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHello([]byte(tc.payload))
			require.NoError(t, err)
			require.Equal(t, tc.want, h)
			again, _, ok, err := Next(AppendHello(nil, 0, h), 0, 0)
			require.NoError(t, err)
			require.True(t, ok)
			h, err = ParseHello(again)
			require.NoError(t, err)
			require.Equal(t, tc.want, h, "written again it is the same")
		})
	}
}

func TestParseHelloFaults(t *testing.T) {
	const good = `{"name": null, "group": null}`
	tests := map[string]struct {
		payload string
		code    wire.Code
	}{
		"empty":                      {"", wire.CodeProtocol},
		"marker alone":               {"$CLTHELLO$", wire.CodeVersion},
		"marker and space alone":     {"$CLTHELLO$ ", wire.CodeProtocol},
		"marker without space":       {"$CLTHELLO$" + good, wire.CodeVersion},
		"marker with a tab":          {"$CLTHELLO$\t" + good, wire.CodeVersion},
		"marker twice":               {"$CLTHELLO$ $CLTHELLO$ " + good, wire.CodeProtocol},
		"other marker":               {"$CLTCONN$ " + good, wire.CodeProtocol},
		"space before the marker":    {" $CLTHELLO$ " + good, wire.CodeProtocol},
		"no name":                    {`{"group": null}`, wire.CodeProtocol},
		"no group":                   {`{"name": null}`, wire.CodeProtocol},
		"neither":                    {`{}`, wire.CodeProtocol},
		"key in another case":        {`{"Name": null, "group": null}`, wire.CodeProtocol},
		"keys one level down":        {`{"x": ` + good + `}`, wire.CodeProtocol},
		"name is an object":          {`{"name": {}, "group": null}`, wire.CodeBadName},
		"name is an array":           {`{"name": ["a"], "group": null}`, wire.CodeBadName},
		"group is an array":          {`{"name": null, "group": []}`, wire.CodeBadName},
		"last of two is an object":   {`{"name": "a", "group": null, "name": {}}`, wire.CodeBadName},
		"array":                      {"[" + good + "]", wire.CodeProtocol},
		"text":                       {`"name group"`, wire.CodeProtocol},
		"null":                       {`null`, wire.CodeProtocol},
		"something after it":         {good + "x", wire.CodeProtocol},
		"two of them":                {good + good, wire.CodeProtocol},
		"NUL after it":               {good + "\x00", wire.CodeProtocol},
		"byte order mark":            {"\ufeff" + good, wire.CodeProtocol},
		"vertical tab":               {"\v" + good, wire.CodeProtocol},
		"not UTF-8":                  {"{\"name\": \"\xff\", \"group\": null}", wire.CodeProtocol},
		"not UTF-8 where it is left": {"{\"name\": null, \"group\": null, \"x\": \"\xed\xa0\x80\"}", wire.CodeProtocol},
		"not a hello":                {"sum 20,22", wire.CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHello([]byte(tc.payload))
			requireCode(t, tc.code, err)
			require.Zero(t, h, "a fault comes with nothing else")
		})
	}
}

// A hello cut short anywhere is no hello.
func TestParseHelloCutShort(t *testing.T) {
	payload := []byte(`$CLTHELLO$ {"name": "Zo\u00eb \ud83e\udd8a", "group": [-1.5e+7, true, null, {"a": NaN}], "group": 1}`)
	_, err := ParseHello(payload)
	require.NoError(t, err)
	for i := range payload {
		h, err := ParseHello(payload[:i])
		require.Error(t, err, "%d bytes", i)
		require.Zero(t, h)
	}
}

func TestHelloErrorTexts(t *testing.T) {
	tests := map[string]string{
		`{"group": 1}`:                  `wire: classic hello "{\"group\": 1}": no key "name"`,
		`{"name": 1, "group"}`:          `wire: classic hello "{\"name\": 1, \"group\"}": not JSON at byte 19: colon expected`,
		`{"name": [1], "group": 1}`:     `wire: classic hello: name "[1]": not a text`,
		`$CLTHELLO${"name":1`:           `wire: classic hello "$CLTHELLO${\"name\":1": no space after $CLTHELLO$: not the protocol of 0.0.2`,
		"{\"name\": 1, \"group\": 1} é": `wire: classic hello "{\"name\": 1, \"group\": 1} \u00e9": not JSON at byte 24: nothing more expected`,
	}
	for payload, want := range tests {
		_, err := ParseHello([]byte(payload))
		require.EqualError(t, err, want)
	}
}
