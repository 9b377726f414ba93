package classic

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// transcriptsV2 returns the transcripts of 2.0.2.
func transcriptsV2(t testing.TB) []transcript {
	t.Helper()
	return transcriptsIn(t, "transcripts-2.0.2", "2.0.2")
}

func TestPlainKind(t *testing.T) {
	tests := map[string]struct {
		fromClient bool
		kind       Kind
		rest       string
	}{
		"$CMD$say$MSG$x":   {true, KindCommand, "$CMD$say$MSG$x"},
		"$CMD$say":         {true, KindCommand, "$CMD$say"},
		"say":              {true, KindLoose, "say"},
		"":                 {true, KindLoose, ""},
		"$USRCLOSE$":       {true, KindLeaving, ""},
		"$USRCLOSE$ more":  {true, KindLeaving, ""},
		"$KEEPACK$":        {true, KindAliveAnswer, ""},
		"$CHNAME$anna":     {true, KindRename, "anna"},
		"$GETCLT$('1', 9)": {true, KindAsk, "('1', 9)"},
		"$DISCONN$":        {false, KindDismissal, ""},
		"$KEEPALIVE$":      {false, KindAliveProbe, ""},
		"$CLTCONN${}":      {false, KindNotice, "$CLTCONN${}"},
		"{}":               {false, KindRecord, "{}"},
		"loose":            {false, KindLoose, "loose"},
		"$USRCLOSE$ s":     {false, KindLoose, "$USRCLOSE$ s"},
	}
	for payload, want := range tests {
		k, rest := PlainKind([]byte(payload), want.fromClient)
		require.Equal(t, want.kind, k, payload)
		require.Equal(t, want.rest, string(rest), payload)
	}
	name, content := SplitPlain([]byte("$CMD$say$MSG$a$MSG$b"))
	require.Equal(t, "say a$MSG$b", string(name)+" "+string(content))
	for _, without := range []string{"$CMD$say", "$CMD$say$MSG$"} {
		name, content = SplitPlain([]byte(without))
		require.Equal(t, "say", string(name))
		require.Nil(t, content)
	}
}

// The first command of every client in the recordings tells 2.x from 3.0a, except one command of
// 3.0a whose name has a marker in it.
func TestIsPlain(t *testing.T) {
	commands := 0
	for _, tr := range append(transcriptsV2(t), transcriptsV3(t)...) {
		for _, e := range tr.Events {
			if e.Dir != "c2s" {
				continue
			}
			for b := e.bytes(t); len(b) > 0; {
				payload, size, ok, err := Next(b, tr.HeaderLen, 2<<20)
				require.NoError(t, err)
				require.True(t, ok)
				plain, sure := IsPlain(payload)
				require.Equal(t, bytes.HasPrefix(payload, []byte(markCommand)) && bytes.Contains(payload, []byte(markBody)), sure)
				if sure && (tr.Scenario != "marker_in_payload" || tr.Version == "2.0.2") {
					commands++
					require.Equal(t, tr.Version == "2.0.2", plain, "%s %q", tr.Scenario, clip(payload))
				}
				b = b[size:]
			}
		}
	}
	require.Equal(t, 86, commands)
	tests := map[string]bool{ // by the bytes after the name
		"": true, "1234567": true, "0       ": false, "0       x": true, "2       2ihi": true, "2       2shi": false,
		"99999999": true, "1       l": false, "3       l9[": true, "12345678": true, "2       4fabcd": false, "-1      ": true,
	}
	for body, want := range tests {
		plain, sure := IsPlain([]byte("$CMD$x$MSG$" + body))
		require.True(t, sure)
		require.Equal(t, want, plain, body)
	}
	for _, payload := range []string{"", "$CMD$x", "x$MSG$", "$KEEPACK$", "loose"} {
		_, sure := IsPlain([]byte(payload))
		require.False(t, sure, payload)
	}
}

// A Go value is written as a Python program writes the same value.
func TestAppendContent(t *testing.T) {
	tests := map[string]struct {
		as       Form
		in, want string
		code     wire.Code
	}{
		"bytes":           {as: FormBytes, in: "\x00\xffabc", want: "\x00\xffabc"},
		"text":            {as: FormText, in: "naïve 日本 🦊", want: "naïve 日本 🦊"},
		"integer":         {as: FormJSON, in: "-12345678901234567890", want: "-12345678901234567890"},
		"float":           {as: FormFloat, in: "3.5", want: "3.5"},
		"whole float":     {as: FormFloat, in: "3", want: "3.0"},
		"large float":     {as: FormFloat, in: "1e+100", want: "1e+100"},
		"float of 16":     {as: FormFloat, in: "1e+16", want: "1e+16"},
		"float of 15":     {as: FormFloat, in: "1.5e+15", want: "1500000000000000.0"},
		"small float":     {as: FormFloat, in: "0.0001", want: "0.0001"},
		"smaller float":   {as: FormFloat, in: "0.00001", want: "1e-05"},
		"infinite":        {as: FormFloat, in: "-Inf", want: "-inf"},
		"no number":       {as: FormFloat, in: "NaN", want: "nan"},
		"zero float":      {as: FormFloat, in: "-0"},
		"true":            {as: FormJSON, in: "true", want: "\x00"},
		"false":           {as: FormJSON, in: "false"},
		"null":            {as: FormJSON, in: " null "},
		"zero":            {as: FormJSON, in: "0"},
		"zero in JSON":    {as: FormJSON, in: "0.0e5"},
		"empty list":      {as: FormJSON, in: " [ ] "},
		"empty map":       {as: FormJSON, in: "{\n}"},
		"empty text":      {as: FormJSON, in: `""`},
		"nothing":         {as: FormBytes},
		"text in JSON":    {as: FormJSON, in: `"\u00e9\n"`, want: "é\n"},
		"list":            {as: FormJSON, in: `[1,"two",4.5,null,true]`, want: `[1, "two", 4.5, null, true]`},
		"map":             {as: FormJSON, in: `{"k":1,"m":[2,3],"n":{"z":"y"}}`, want: `{"k": 1, "m": [2, 3], "n": {"z": "y"}}`},
		"spaces, escapes": {as: FormJSON, in: "[ \"a, b: c\\\"\" ,\n{ \"日\" : [ ] } ]", want: `["a, b: c\"", {"\u65e5": []}]`},
		"pair":            {as: FormJSON, in: `["🦊"]`, want: `["\ud83e\udd8a"]`},
		"float in JSON":   {as: FormJSON, in: "100000.50", want: "100000.5"},

		"text that is none":  {as: FormText, in: "\xff", code: wire.CodeBadPayload},
		"float that is none": {as: FormFloat, in: "x", code: wire.CodeBadPayload},
		"JSON that is none":  {as: FormJSON, in: `[1,]`, code: wire.CodeBadPayload},
		"two values":         {as: FormJSON, in: `1 2`, code: wire.CodeBadPayload},
		"no JSON at all":     {as: FormJSON, in: ``, code: wire.CodeBadPayload},
		"not UTF-8":          {as: FormJSON, in: "[\"\xff\"]", code: wire.CodeBadPayload},
		"very deep":          {as: FormJSON, in: strings.Repeat("[", 1000) + strings.Repeat("]", 1000), code: wire.CodeBadPayload},
		"very long integer":  {as: FormJSON, in: strings.Repeat("1", 4301), code: wire.CodeUnsupported},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := AppendContent([]byte("before"), tc.as, []byte(tc.in))
			if tc.code != 0 {
				requireCode(t, tc.code, err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, "before"+tc.want, string(got))
		})
	}
	_, err := AppendPlain(nil, 1, "say", FormBytes, nil)
	requireCode(t, wire.CodeTooBig, err)
}

// A parsed frame that is written again has the bytes that 2.0.2 wrote.
func TestPlainTranscriptsRewritten(t *testing.T) {
	seen := map[Kind]bool{}
	for _, tr := range transcriptsV2(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			joined := map[int]bool{}
			for _, e := range tr.Events {
				for b := e.bytes(t); len(b) > 0; {
					payload, size, ok, err := Next(b, tr.HeaderLen, 2<<20)
					require.NoError(t, err)
					require.True(t, ok)
					again := AppendFrame(nil, tr.HeaderLen, payload)
					first := e.Dir == "c2s" && !joined[e.Conn]
					k, _ := PlainKind(payload, e.Dir == "c2s")
					if !first {
						seen[k] = true
					}
					switch {
					case first && IsHelloTyped(payload):
						h, err := ParseHelloTyped(payload)
						require.NoError(t, err)
						again = AppendHelloTyped(nil, tr.HeaderLen, h)
					case first:
					case k == KindNotice:
						p, came, _, err := ParseNotice(payload)
						require.NoError(t, err)
						has, spaced := HasIPString(payload)
						require.False(t, has || spaced)
						again = AppendDisconnectedPlain(nil, tr.HeaderLen, p)
						if came {
							again = AppendConnectedPlain(nil, tr.HeaderLen, p)
						}
					case k == KindCommand:
						name, content := SplitPlain(payload)
						again, err = AppendPlain(nil, tr.HeaderLen, string(name), FormBytes, content)
						require.NoError(t, err)
					}
					joined[e.Conn] = true
					if !bytes.Equal(b[:size], again) {
						require.Equal(t, clip(b[:size]), clip(again))
					}
					b = b[size:]
				}
			}
		})
	}
	for _, k := range []Kind{KindCommand, KindLeaving, KindRename, KindRegroup, KindAsk, KindAliveAnswer, KindNotice, KindDismissal, KindAliveProbe, KindRecord, KindLoose} {
		require.True(t, seen[k], "the transcripts have a %d", k)
	}
}

// FuzzAppendContent writes any bytes in any form: the meaning stays the same.
func FuzzAppendContent(f *testing.F) {
	for _, in := range []string{`[1,"two",[3,{"k":"v"}]]`, `{"a":{"b":[1.5,-0.1]},"":"\ud83e\udd8a"}`, `null`, `[[],{}]`, `true`, `1e400`, `"\u0000"`, "x\xff", "-0.0"} {
		for as := FormBytes; as <= FormJSON; as++ {
			f.Add(uint8(as), []byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, in []byte) {
		as := Form(form % 4)
		before := bytes.Clone(in)
		b, err := AppendContent(nil, as, in)
		require.Equal(t, before, in)
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.Empty(t, b)
			require.False(t, as == FormJSON && e.Code == wire.CodeBadPayload && json.Valid(in) && utf8.Valid(in) && bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) < maxPlainDepth, "it is JSON: %v", err)
			return
		}
		if as == FormJSON && len(b) > 0 && (b[0] == '[' || b[0] == '{') && json.Valid(in) && in[0] == b[0] {
			var want, got any
			require.NoError(t, json.Unmarshal(in, &want))
			require.NoError(t, json.Unmarshal(b, &got), "%q", b)
			require.Equal(t, want, got)
			for _, c := range b {
				require.Less(t, c, byte(0x7f), "ASCII")
			}
		}
		frame, err := AppendPlain(nil, 0, "say", as, in)
		require.NoError(t, err)
		name, content := SplitPlain(frame[16:])
		require.Equal(t, "say", string(name))
		require.Equal(t, string(b), string(content))
	})
}

// FuzzPlain takes any bytes as a payload of 2.x, and tells it from a payload of 3.0a.
func FuzzPlain(f *testing.F) {
	for _, tr := range append(transcriptsV2(f), transcriptsV3(f)...) {
		for _, e := range tr.Events {
			if e.Len == 0 && len(e.Hex) > tr.HeaderLen {
				f.Add([]byte(e.Hex[tr.HeaderLen:]), e.Dir == "c2s")
			}
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, fromClient bool) {
		k, rest := PlainKind(payload, fromClient)
		require.LessOrEqual(t, len(rest), len(payload))
		plain, sure := IsPlain(payload)
		require.False(t, plain && !sure)
		if sure {
			_, body := SplitTyped(payload)
			if _, _, err := ParseBody(body, 1<<30); err == nil {
				require.False(t, plain, "3.0a can have written it")
			}
		}
		if k == KindCommand {
			name, content := SplitPlain(payload)
			require.LessOrEqual(t, len(name)+len(content), len(payload))
		}
	})
}
