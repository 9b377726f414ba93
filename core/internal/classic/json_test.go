package classic

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestQuoted(t *testing.T) {
	// Python 3.11 writes text as want with json.dumps.
	const text = "\x7f\x00\n\t\b\f\r/<>&\u2028é🦊\"\\ ~\x1f\ufffd\uffff\U0010ffff"
	const want = `"\u007f\u0000\n\t\b\f\r/<>&\u2028\u00e9\ud83e\udd8a\"\\ ~\u001f\ufffd\uffff\udbff\udfff"`
	require.Equal(t, want, string(appendQuoted(nil, text)))
	require.Equal(t, text, unquote([]byte(want)))
}

// Every character comes back, and only ASCII is written.
func TestQuotedEveryCharacter(t *testing.T) {
	var b []byte
	for r := range rune(utf8.MaxRune + 1) {
		if !utf8.ValidRune(r) {
			continue
		}
		b = appendQuoted(b[:0], string(r))
		if got := unquote(b); got != string(r) {
			require.FailNow(t, "another character", "%U: %s: %q", r, b, got)
		}
		for _, c := range b {
			if c < 0x20 || c > '~' {
				require.FailNow(t, "not printable ASCII", "%U: %q", r, b)
			}
		}
	}
}

// jsonFault returns the fault that parseObject finds in a value of an object.
func jsonFault(value string) string {
	return parseObject([]byte(`{"x": `+value+`}`), []field{{key: "x"}})
}

func TestJSONTaken(t *testing.T) {
	for _, value := range []string{
		`null`, `true`, `false`, `NaN`, `Infinity`, `-Infinity`,
		`0`, `-0`, `10`, `0.0`, `-1.25`, `1e5`, `1E+5`, `0e-0`, strings.Repeat("9", 5000),
		`""`, `"a"`, `"\u12Af"`, `"\""`, `"\\"`, `"é"`, "\"\x7f\"", "\"\u2028\"",
		`[]`, `[ ]`, `[1]`, `[1, "2" ,null,[ ]]`, "[\n]",
		`{}`, `{ }`, `{"": 1}`, `{"a" : {"b": [{}]} , "a": 2}`,
	} {
		require.Empty(t, jsonFault(value), value)
	}
}

func TestJSONRefused(t *testing.T) {
	for _, value := range []string{
		``, ` `, `nul`, `nulll`, `None`, `True`, `undefined`, `nan`, `inf`, `-`, `-NaN`, `+1`, `--1`, `+Infinity`, `-Inf`,
		`01`, `-01`, `1.`, `.5`, `1.e5`, `1e`, `1e+`, `1_0`, `0x1`, `1 2`, `1,`,
		`"`, `"a`, `'a'`, `"\"`, `"\x41"`, `"\'"`, `"\u"`, `"\u12"`, `"\u12G4"`, `"\u+123"`, `"\U00000041"`, `"\`, `"\u`,
		"\"a\nb\"", "\"\x00\"", "\"\x1f\"", `"a"b`, `a`,
		`[`, `]`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `[[]`,
		`{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a",1}`, `{a:1}`, `{1:1}`, `{null:1}`, `{"a":1]`, `{"a" 1}`, `{,}`,
		"\ufeff1", "\u00a01", "\v1", "\f1", `/**/1`, `1//`,
	} {
		require.NotEmpty(t, jsonFault(value), strconv.Quote(value))
	}
}

func TestJSONDepth(t *testing.T) {
	nested := func(open, end string, depth int) string {
		return strings.Repeat(open, depth) + strings.Repeat(end, depth)
	}
	inner := maxDepth - 1 // the object around the value is one level
	require.Empty(t, jsonFault(nested("[", "]", inner)))
	require.Contains(t, jsonFault(nested("[", "]", inner+1)), "less depth")
	require.Empty(t, jsonFault(strings.Repeat(`{"a":`, inner)+"1"+strings.Repeat("}", inner)))
	require.Contains(t, jsonFault(strings.Repeat(`{"a":`, inner+1)+"1"+strings.Repeat("}", inner+1)), "less depth")
	require.Contains(t, jsonFault(strings.Repeat(`[{"a":`, 1<<17)), "less depth")
}

func TestIsKey(t *testing.T) {
	for _, quoted := range []string{`"group"`, `"\u0067roup"`, `"\u0067\u0072\u006f\u0075\u0070"`, `"grou\u0070"`} {
		require.True(t, isKey([]byte(quoted), "group"), quoted)
	}
	for _, quoted := range []string{`""`, `"grou"`, `"groups"`, `"Group"`, `"\u0067"`, `"gro\u0000up"`, `"\ud83eroup"`} {
		require.False(t, isKey([]byte(quoted), "group"), quoted)
	}
}
