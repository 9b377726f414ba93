package classic

import (
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

func TestSplitCommand(t *testing.T) {
	longest := strings.Repeat("x", MaxCommand)
	tests := map[string]struct {
		payload       string
		name, content string
		raw           bool
	}{
		"command":                      {payload: "sum 20,22", name: "sum", content: "20,22"},
		"no content":                   {payload: "nop ", name: "nop"},
		"content begins with a space":  {payload: "say  hello", name: "say", content: " hello"},
		"content with spaces":          {payload: "say a b c", name: "say", content: "a b c"},
		"content with a marker":        {payload: "say $CLTCONN$ {}", name: "say", content: "$CLTCONN$ {}"},
		"content of any bytes":         {payload: "say \x00\xff", name: "say", content: "\x00\xff"},
		"name in UTF-8":                {payload: "grüße an", name: "grüße", content: "an"},
		"longest name":                 {payload: longest + " x", name: longest, content: "x"},
		"no space":                     {payload: "echoing", raw: true},
		"empty":                        {payload: "", raw: true},
		"begins with a space":          {payload: " x", raw: true},
		"a space":                      {payload: " ", raw: true},
		"name one byte too long":       {payload: longest + "x x", raw: true},
		"name that is not UTF-8":       {payload: "\xff\xfe x", raw: true},
		"name cut within a character":  {payload: "gr\xc3 x", raw: true},
		"name with NUL":                {payload: "a\x00b x", raw: true},
		"name with a line end":         {payload: "first\nsecond line", raw: true},
		"name with DEL":                {payload: "a\x7f x", raw: true},
		"name with C1":                 {payload: "a\u0085 x", raw: true},
		"name with a line separator":   {payload: "a\u2028 x", raw: true},
		"replacement character itself": {payload: "\ufffd x", name: "\ufffd", content: "x"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			name, content, ok := SplitCommand([]byte(tc.payload))
			require.Equal(t, !tc.raw, ok)
			require.Equal(t, tc.name, string(name))
			require.Equal(t, tc.content, string(content))
			require.Equal(t, len(name), cap(name), "appending to the name must not reach the content")
			if ok {
				require.NoError(t, wire.ValidName(string(name), MaxCommand))
				frame := AppendCommand(nil, 6, tc.name, []byte(tc.content))
				require.Equal(t, AppendFrame(nil, 6, []byte(tc.payload)), frame)
				require.Equal(t, len(frame), CommandSize(6, tc.name, len(tc.content)))
			}
		})
	}
}

func TestAppendCommandKeepsPrefix(t *testing.T) {
	require.Equal(t, "before4     nop ", string(AppendCommand([]byte("before"), 6, "nop", nil)))
	require.Equal(t, "before7     $NOTLS$", string(AppendNoTLS([]byte("before"), 6)))
}

func TestCheckCommand(t *testing.T) {
	tests := map[string]bool{
		"say":          true,
		"grüße":        true,
		"$":            true,
		"$$":           true,
		"$say":         true,
		"say$":         true,
		"a$$b":         true,
		"":             false,
		"two words":    false,
		" ":            false,
		"say ":         false,
		"$$$":          false,
		"$x$":          false,
		"$CLTHELLO$":   false,
		"a$b$c":        false,
		"a$$b$c":       false,
		"US$and$":      false,
		"$\n$":         false,
		"$ü$":          false,
		"$DH_NUMS$":    false,
		"pay$5or$6now": false,
	}
	for name, fits := range tests {
		t.Run(name, func(t *testing.T) {
			if err := CheckCommand(name); fits {
				require.NoError(t, err)
			} else {
				requireCode(t, wire.CodeBadName, err)
			}
		})
	}
}

func TestCheckRaw(t *testing.T) {
	tests := map[string]bool{
		"":                         true,
		"text":                     true,
		"two words":                true,
		"$":                        true,
		"$$":                       true,
		"$$ off":                   true,
		"$5":                       true,
		" $CLTCONN$ {}":            true,
		"see $CLTCONN$":            true,
		"\x00\xff":                 true,
		"$CLTCONN$ {}":             false,
		"$CLTDISCONN$":             false,
		"$DH_NUMS$":                false,
		"$NOTLS$":                  false,
		"$x$":                      false,
		"$$$":                      false,
		"$\xff$":                   false,
		"$5 or $6":                 false,
		"$" + longText + "$":       false,
		"$" + longText:             true,
		"$x" + longText + "$ tail": false,
	}
	for payload, fits := range tests {
		t.Run(payload[:min(len(payload), 20)], func(t *testing.T) {
			if err := CheckRaw([]byte(payload)); fits {
				require.NoError(t, err)
			} else {
				requireCode(t, wire.CodeUnsupported, err)
			}
		})
	}
}

var longText = strings.Repeat("text ", 10_000)

func TestTLSProbe(t *testing.T) {
	require.True(t, IsTLSProbe([]byte("$DH_NUMS$")))
	for _, payload := range []string{"", "$DH_NUMS$ ", "$DH_NUMS", "$NOTLS$", "x$DH_NUMS$"} {
		require.False(t, IsTLSProbe([]byte(payload)), payload)
	}
}
