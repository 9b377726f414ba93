package classic

import (
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// body returns a body with the format and the data.
func body(format, data string) string {
	return string(appendHeader(nil, formatLen, len(format))) + format + data
}

func TestParseBody(t *testing.T) {
	tests := map[string]struct {
		body, want string
		as         Form
	}{
		"text":                    {body("5s", "hello"), "hello", FormText},
		"bytes":                   {body("2b", "\x00\xff"), "\x00\xff", FormBytes},
		"integer":                 {body("3i", "-42"), "-42", FormJSON},
		"integer with zeros":      {body("5i", "00042"), "42", FormJSON},
		"zero with zeros":         {body("3i", "000"), "0", FormJSON},
		"minus and zeros":         {body("5i", "-0042"), "-42", FormJSON},
		"float":                   {body("4f", "\x3d\xcc\xcc\xcd"), "0.1", FormFloat},
		"infinite float":          {body("4f", "\xff\x80\x00\x00"), "-Inf", FormFloat},
		"tuple":                   {body("t1i1s", "1a"), `[1,"a"]`, FormJSON},
		"nested map":              {body("d1s2{1s1s}", "nzy"), `{"n":{"z":"y"}}`, FormJSON},
		"empty containers within": {body("l0[]0()0{}", ""), `[[],[],{}]`, FormJSON},
		"text to escape":          {body("l7s", "\"\\\n\x01\x7fé"), `["\"\\\n\u0001` + "\x7fé\"]", FormJSON},
		"bytes within":            {body("l2b", "\x00\xff"), `["AP8="]`, FormJSON},
		"float within":            {body("l4f", "\xbf\xc0\x00\x00"), `[-1.5]`, FormJSON},
		"number keys":             {body("d1i1i4f1i", "12\x3f\x00\x00\x003"), `{"1":2,"0.5":3}`, FormJSON},
		"bytes as a key":          {body("d2b1i", "\"x1"), `{"\"x":1}`, FormJSON},
		"32 deep":                 {body("l"+strings.Repeat("1[", 31)+"1i"+strings.Repeat("]", 31), "7"), strings.Repeat("[", 32) + "7" + strings.Repeat("]", 32), FormJSON},
		"length of the format":    {"   +2   1i7", "7", FormJSON},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, as, err := ParseBody([]byte(tc.body), 0)
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
			require.Equal(t, tc.as, as)
		})
	}
}

func TestParseBodyFaults(t *testing.T) {
	tests := map[string]string{
		"nothing":                      "",
		"a body of 2.x":                "hello world",
		"shorter than its length":      "2    ",
		"no length":                    "xx      1i7",
		"negative length":              "-2      1i7",
		"longer format than there is":  "9       1i7",
		"no format, but data":          body("", "x"),
		"no number":                    body("s", ""),
		"no letter":                    body("5", "hello"),
		"unknown letter":               body("1x", "a"),
		"letter of no data":            body("1l", "a"),
		"brackets alone":               body("1[1i]", "7"),
		"more data than said":          body("2s", "abc"),
		"less data than said":          body("4s", "abc"),
		"so many bytes that it wraps":  body("18446744073709551617s", "a"),
		"two values":                   body("1s1s", "ab"),
		"a zero byte":                  body("l1s\x001s", "ab"),
		"text that is not UTF-8":       body("1s", "\xff"),
		"integer that is none":         body("2i", "+5"),
		"integer without digits":       body("1i", "-"),
		"integer with an underscore":   body("3i", "1_0"),
		"float of 8 bytes":             body("8f", "12345678"),
		"container that does not end":  body("l1[1i", "7"),
		"container with another end":   body("l1[1i)", "7"),
		"end of none":                  body("l1i]", "7"),
		"container of other data":      body("l2[1i]1i", "77"),
		"container of more than there": body("l9[1i]", "7"),
		"map with a key too many":      body("d1s", "a"),
		"key that is a list":           body("d1[1i]1i", "12"),
		"key of bytes without text":    body("d1b1i", "\xff1"),
		"no number in JSON":            body("l4f", "\x7f\xc0\x00\x00"),
		"33 deep":                      body("l"+strings.Repeat("1[", 32)+"1i"+strings.Repeat("]", 32), "7"),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			payload, _, err := ParseBody([]byte(in), 0)
			requireCode(t, wire.CodeBadPayload, err)
			require.Nil(t, payload)
		})
	}
}

func TestAppendBody(t *testing.T) {
	tests := map[string]struct {
		as   Form
		in   string
		want string
	}{
		"text":                {FormText, "naïve", body("6s", "naïve")},
		"digits that are":     {FormText, "42", body("2s", "42")},
		"bytes":               {FormBytes, "42", body("2b", "42")},
		"integer":             {FormJSON, "42", body("2i", "42")},
		"great integer":       {FormJSON, strings.Repeat("9", 4300), body("4300i", strings.Repeat("9", 4300))},
		"float":               {FormFloat, "2", body("4f", "\x40\x00\x00\x00")},
		"float that rounds":   {FormFloat, "0.1", body("4f", "\x3d\xcc\xcc\xcd")},
		"very small float":    {FormFloat, "1e-300", body("4f", "\x00\x00\x00\x00")},
		"infinite float":      {FormFloat, "-Inf", body("4f", "\xff\x80\x00\x00")},
		"null":                {FormJSON, " null ", body("", "")},
		"text in JSON":        {FormJSON, `"a\u00e9\n"`, body("4s", "aé\n")},
		"list":                {FormJSON, `[1, "two", 4.5, -1e2]`, body("l1i3s4f4f", "1two\x40\x90\x00\x00\xc2\xc8\x00\x00")},
		"map of maps":         {FormJSON, `{"n": {"z": "y"}}`, body("d1s2{1s1s}", "nzy")},
		"list of lists":       {FormJSON, `[[1,2],[[3]]]`, body("l2[1i1i]1[1[1i]]", "123")},
		"empty list":          {FormJSON, `[ ]`, body("l", "")},
		"empty map":           {FormJSON, `{ }`, body("d", "")},
		"list of empty texts": {FormJSON, `["",""]`, body("l0s0s", "")},
		"ten and more within": {FormJSON, `[["0123456789"]]`, body("l10[10s]", "0123456789")},
		"32 deep":             {FormJSON, strings.Repeat("[", 32) + "7" + strings.Repeat("]", 32), body("l"+strings.Repeat("1[", 31)+"1i"+strings.Repeat("]", 31), "7")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := AppendBody([]byte("before"), tc.as, []byte(tc.in))
			require.NoError(t, err)
			require.Equal(t, "before"+tc.want, string(got))
		})
	}
	got, err := AppendBody(nil, FormBytes, nil)
	require.NoError(t, err)
	require.Equal(t, body("", ""), string(got), "no content")
}

func TestAppendBodyFaults(t *testing.T) {
	const no, bad = wire.CodeUnsupported, wire.CodeBadPayload
	tests := map[string]struct {
		as   Form
		in   string
		code wire.Code
		says string
	}{
		"bool":                     {FormJSON, `true`, no, "a bool"},
		"bool in a list":           {FormJSON, `[1,false]`, no, "a bool"},
		"null in a list":           {FormJSON, `[null]`, no, "null within"},
		"null in a map":            {FormJSON, `{"a":null}`, no, "null within"},
		"empty list in a map":      {FormJSON, `{"a":[]}`, no, "without data"},
		"empty map in a list":      {FormJSON, `[1,{}]`, no, "without data"},
		"list of an empty text":    {FormJSON, `[[""]]`, no, "without data"},
		"33 deep":                  {FormJSON, strings.Repeat("[", 33) + "7" + strings.Repeat("]", 33), no, "deep"},
		"10000 deep":               {FormJSON, strings.Repeat(`{"":`, 10000), no, "deep"},
		"float too large":          {FormFloat, "1e300", no, "single precision"},
		"number too large":         {FormJSON, `[1e39]`, no, "single precision"},
		"integer of 4301 digits":   {FormJSON, strings.Repeat("9", 4301), no, "4300"},
		"text that is not UTF-8":   {FormText, "\xff", bad, "not UTF-8"},
		"JSON that is not UTF-8":   {FormJSON, "\"\xff\"", bad, "not UTF-8"},
		"float that is none":       {FormFloat, "two", bad, "no number"},
		"nothing as a float":       {FormFloat, "", bad, "no number"},
		"nothing as JSON":          {FormJSON, "", bad, "value expected"},
		"no JSON":                  {FormJSON, "hello", bad, "value expected"},
		"more than a value":        {FormJSON, "1 2", bad, "nothing more"},
		"list that does not end":   {FormJSON, "[1", bad, "comma"},
		"list that ends early":     {FormJSON, "[1,]", bad, "value expected"},
		"map that ends early":      {FormJSON, `{"a":1,}`, bad, "string expected"},
		"map without a colon":      {FormJSON, `{"a" 1}`, bad, "colon"},
		"text that does not end":   {FormJSON, `["a`, bad, "end of string"},
		"number that is no number": {FormJSON, `-x`, bad, "digit"},
		"NaN":                      {FormJSON, `[NaN]`, bad, "value expected"},
		"minus infinity":           {FormJSON, `-Infinity`, bad, "digit"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := AppendBody([]byte("before"), tc.as, []byte(tc.in))
			requireCode(t, tc.code, err)
			require.ErrorContains(t, err, tc.says)
			require.Equal(t, "before", string(got))
		})
	}
}

// A body becomes no more JSON than allowed, at a cost in proportion.
func TestParseBodyIsBounded(t *testing.T) {
	const n, max = 1 << 20, 64 << 10
	many := func(part string, n int) string { return strings.Repeat(part, n/len(part)) }
	tests := map[string]string{
		"text to escape":        body("l"+itoa(n)+"s", strings.Repeat("\x01", n)),
		"long text":             body("l"+itoa(n)+"s", strings.Repeat("x", n)),
		"long bytes":            body("l"+itoa(n)+"b", strings.Repeat("x", n)),
		"long integer":          body("l"+itoa(n)+"i", strings.Repeat("9", n)),
		"very many texts":       body("l"+many("0s", n), ""),
		"very many floats":      body("l"+many("4f", n), strings.Repeat("\x3d\xcc\xcc\xcd", n/2)),
		"very many empty lists": body("l"+many("0[]", n), ""),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			var err error
			b := []byte(in)
			got := allocated(func() { _, _, err = ParseBody(b, max) })
			requireCode(t, wire.CodeTooBig, err)
			require.Less(t, got, uint64(8*max))
		})
	}
	b := []byte(body("l"+many("0s", 60<<10), "")) // in bounds
	got, _, err := ParseBody(b, 2*max)
	require.NoError(t, err)
	require.Len(t, got, 30<<10*3+1)
}
