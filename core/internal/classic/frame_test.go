package classic

import (
	"math"
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// requireCode checks that err is a *wire.Error with the code, and that its text can stand in a log.
func requireCode(t testing.TB, want wire.Code, err error) {
	t.Helper()
	var e *wire.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Code, e.Text)
	require.True(t, strings.HasPrefix(e.Text, "classic "), e.Text)
	require.LessOrEqual(t, len(e.Text), 512)
	for _, c := range []byte(e.Text) {
		require.True(t, 0x20 <= c && c < 0x7f, "%q", e.Text)
	}
}

func TestNextHeader(t *testing.T) {
	const none = -1
	tests := map[string]struct {
		header string
		want   int
	}{
		"as written":             {"5     ", 5},
		"zero":                   {"0     ", 0},
		"right-aligned":          {"     5", 5},
		"in the middle":          {"  5   ", 5},
		"leading zeros":          {"000005", 5},
		"plus":                   {"+5    ", 5},
		"space, plus and zero":   {"  +05 ", 5},
		"every kind of space":    {"\t\n5\v\f\r", 5},
		"as many digits as fit":  {"100000", 100000},
		"nothing but space":      {"      ", none},
		"nothing but a plus":     {"+     ", none},
		"minus":                  {"-5    ", none},
		"minus zero":             {"-0    ", none},
		"two signs":              {"++5   ", none},
		"plus after the number":  {"5+    ", none},
		"space after the plus":   {"+ 5   ", none},
		"space within":           {"1 0   ", none},
		"underscore":             {"1_0   ", none},
		"point":                  {"5.0   ", none},
		"exponent":               {"1e3   ", none},
		"hexadecimal":            {"0x5   ", none},
		"NUL":                    {"5\x00    ", none},
		"NUL in front":           {"\x005    ", none},
		"file separator":         {"5\x1c    ", none},
		"next line":              {"5\x85    ", none},
		"digit that is no ASCII": {"\u0665    ", none},
		"start of HTTP":          {"GET / ", none},
		"start of a hello":       {"$CLTHE", none},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Len(t, tc.header, 6)
			payload, size, ok, err := Next([]byte(tc.header), 6, 0)
			require.Empty(t, payload)
			if tc.want == none {
				requireCode(t, wire.CodeProtocol, err)
				require.False(t, ok)
				require.Zero(t, size)
				return
			}
			require.NoError(t, err)
			require.Equal(t, 6+tc.want, size)
			require.Equal(t, tc.want == 0, ok)
		})
	}
}

func TestNextLimit(t *testing.T) {
	tests := map[string]struct {
		header string
		max    int
		fails  bool
	}{
		"at the limit":                  {header: "100", max: 100},
		"one over the limit":            {header: "101", max: 100, fails: true},
		"limit of one":                  {header: "2", max: 1, fails: true},
		"zero means the default, at":    {header: "1048576", max: 0},
		"zero means the default, over":  {header: "1048577", max: 0, fails: true},
		"negative means the default":    {header: "1048577", max: -1, fails: true},
		"1 GiB":                         {header: "1073741824", max: math.MaxInt},
		"never more than 1 GiB":         {header: "1073741825", max: math.MaxInt, fails: true},
		"sixteen nines":                 {header: "9999999999999999", max: math.MaxInt, fails: true},
		"32 bits and five":              {header: "4294967301", max: math.MaxInt, fails: true},
		"64 bits and five":              {header: "18446744073709551621", max: math.MaxInt, fails: true},
		"negative as an int of 32 bits": {header: "2147483648", max: math.MaxInt, fails: true},
		"very many nines":               {header: strings.Repeat("9", 400), max: math.MaxInt, fails: true},
		"very many zeros":               {header: strings.Repeat("0", 400) + "100", max: 100},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			payload, size, ok, err := Next([]byte(tc.header), len(tc.header), tc.max)
			require.Nil(t, payload)
			require.False(t, ok)
			if tc.fails {
				requireCode(t, wire.CodeTooBig, err)
				require.Zero(t, size)
				return
			}
			require.NoError(t, err)
			require.Greater(t, size, len(tc.header))
		})
	}
}

func TestNextTakesOneFrame(t *testing.T) {
	stream := AppendCommand(nil, 0, "say", []byte("hello"))
	stream = AppendFrame(stream, 0, nil)
	stream = AppendFrame(stream, 0, []byte("raw"))
	var got []string
	for len(stream) > 0 {
		payload, size, ok, err := Next(stream, 0, 0)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, len(payload), cap(payload), "appending to a payload must not reach the next frame")
		got = append(got, string(payload))
		stream = stream[size:]
	}
	require.Equal(t, []string{"say hello", "", "raw"}, got)
}

func TestHeaderLen(t *testing.T) {
	tests := map[string]struct {
		headerLen int
		frame     string
		most      int
	}{
		"default":        {0, "3               abc", payloadCeiling},
		"below zero":     {-1, "3               abc", payloadCeiling},
		"one":            {1, "3abc", 9},
		"six":            {6, "3     abc", 999_999},
		"nine":           {9, "3        abc", 999_999_999},
		"ten":            {10, "3         abc", payloadCeiling},
		"longer than 16": {20, "3                   abc", payloadCeiling},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "x"+tc.frame, string(AppendFrame([]byte("x"), tc.headerLen, []byte("abc"))))
			require.Equal(t, len(tc.frame), Size(tc.headerLen, 3))
			require.Equal(t, tc.most, MaxPayload(tc.headerLen))
			payload, size, ok, err := Next([]byte(tc.frame), tc.headerLen, 0)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, len(tc.frame), size)
			require.Equal(t, "abc", string(payload))
		})
	}
}

// A payload of MaxPayload arrives. One byte more makes a header that is too long, in the original
// too.
func TestMaxPayloadFits(t *testing.T) {
	most := MaxPayload(2)
	payload, size, ok, err := Next(AppendFrame(nil, 2, make([]byte, most)), 2, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, payload, most)
	require.Equal(t, Size(2, most), size)

	require.Equal(t, "100"+strings.Repeat("x", 100), string(AppendFrame(nil, 2, []byte(strings.Repeat("x", 100)))))
}

func TestErrorTexts(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"header": {firstError(Next([]byte("GET / HTTP/1.1\r\n"), 0, 0)),
			`wire: classic header "GET / HTTP/1.1\r\n": not a number of bytes`},
		"long header": {firstError(Next([]byte(strings.Repeat("é", 40)), 80, 0)),
			`wire: classic header "` + strings.Repeat(`\u00e9`, 24) + `"...: not a number of bytes`},
		"limit": {firstError(Next([]byte("101             "), 0, 100)),
			`wire: classic header "101             ": exceeds limit 100 B`},
		"command": {CheckCommand("a b"), `wire: classic command "a b": a space would end the name`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.EqualError(t, tc.err, tc.want) })
	}
}

func firstError(_ []byte, _ int, _ bool, err error) error { return err }
