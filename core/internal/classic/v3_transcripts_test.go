package classic

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// transcriptsV3 returns the transcripts of 3.0a.
func transcriptsV3(t testing.TB) []transcript {
	t.Helper()
	return transcriptsIn(t, "transcripts-3.0a", "3.0a")
}

// A typed is one payload of a transcript of 3.0a, with its bytes on the wire.
type typed struct {
	conn    int
	dir     string
	wire    []byte // with the header, if there is one
	payload []byte
	first   bool // the payload is a hello
}

// typed splits a transcript like its receivers.
func (tr *transcript) typed(t testing.TB) (all []typed) {
	t.Helper()
	joined := map[int]bool{}
	for _, e := range tr.Events {
		next := NextBare
		if e.Dir == "c2s" {
			next = Next
		}
		for b := e.bytes(t); len(b) > 0; {
			payload, size, ok, err := next(b, tr.HeaderLen, 2<<20)
			require.NoError(t, err)
			require.True(t, ok, "nothing is left over")
			first := e.Dir == "c2s" && !joined[e.Conn]
			joined[e.Conn] = joined[e.Conn] || first
			all = append(all, typed{e.Conn, e.Dir, b[:size], payload, first})
			b = b[size:]
		}
	}
	return all
}

// bare reports whether the payload came without a header.
func (m *typed) bare() bool { return len(m.wire) == len(m.payload) }

// kind returns what KindOf makes of the payload, or 0 for a hello.
func (m *typed) kind() (k Kind, rest []byte) {
	if m.first {
		return 0, nil
	}
	return KindOf(m.payload, m.dir == "c2s")
}

// rewrite writes the payload again from the parsed values.
func (m *typed) rewrite(t testing.TB, headerLen int) []byte {
	t.Helper()
	switch k, _ := m.kind(); k {
	case 0:
		require.True(t, IsHelloTyped(m.payload))
		h, err := ParseHelloTyped(m.payload)
		require.NoError(t, err)
		return AppendHelloTyped(nil, headerLen, h)
	case KindNotice:
		p, came, ok, err := ParseNotice(m.payload)
		require.NoError(t, err)
		require.True(t, ok)
		if came {
			return AppendConnectedTyped(nil, headerLen, p)
		}
		return AppendDisconnectedTyped(nil, headerLen, p)
	case KindRecord:
		p, _, _, err := ParseNotice(append([]byte(markConnected), m.payload...))
		require.NoError(t, err)
		return p.appendTyped(nil, headerLen, "")
	case KindLeaving:
		return AppendLeaving(nil, headerLen)
	case KindDismissal:
		return AppendDismissal(nil, headerLen)
	case KindCommand:
		name, body := SplitTyped(m.payload)
		if body == nil || string(name) == "a" { // not a command, or a command whose name has a marker in it
			break
		}
		format, data, why := splitBody(body)
		require.Empty(t, why)
		var w bodyWriter
		require.Empty(t, walkBody(format, data, &w))
		payload := append([]byte(markCommand+string(name)+markBody), w.appendTo(nil)...)
		return AppendFrame(nil, headerLen, payload)
	}
	return AppendFrame(nil, headerLen, m.payload)
}

// A parsed payload that is written again has the bytes of the original, except that this library
// always writes a header.
func TestTypedTranscriptsRewritten(t *testing.T) {
	seen, bare := map[Kind]bool{}, 0
	for _, tr := range transcriptsV3(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			for _, m := range tr.typed(t) {
				k, _ := m.kind()
				seen[k] = true
				again := m.rewrite(t, tr.HeaderLen)
				if m.bare() {
					bare++
					again = again[tr.HeaderLen:]
				}
				if !bytes.Equal(m.wire, again) {
					require.Equal(t, clip(m.wire), clip(again))
				}
			}
		})
	}
	for _, k := range []Kind{0, KindCommand, KindLeaving, KindRename, KindRegroup, KindAsk, KindNotice, KindDismissal, KindRecord} {
		require.True(t, seen[k], "the transcripts have a %d", k)
	}
	require.Equal(t, 4, bare)
}

// A stream is parsed alike in one piece and byte by byte.
func TestTypedTranscriptsByteAtATime(t *testing.T) {
	for _, tr := range transcriptsV3(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			for _, m := range tr.typed(t) {
				if m.dir == "c2s" || len(m.wire) > 1<<10 {
					continue
				}
				for i := range m.wire {
					payload, size, ok, err := NextBare(m.wire[:i], tr.HeaderLen, 2<<20)
					require.NoError(t, err)
					require.False(t, ok)
					require.Nil(t, payload)
					require.True(t, size == 0 || size > i)
				}
			}
		})
	}
}

// Values arrive at a handler as JSON, and most are written back as the same body.
func TestTypedValues(t *testing.T) {
	tests := map[string]struct {
		as      Form
		payload string
		other   bool // another body is written
	}{
		"v_bytes":         {as: FormBytes, payload: "\x00\xffabc"},
		"v_str":           {as: FormText, payload: "naïve 日本 🦊"},
		"v_int":           {as: FormJSON, payload: "-12345678901234567890"},
		"v_float":         {as: FormFloat, payload: "3.5"},
		"v_list":          {as: FormJSON, payload: `[1,"two","Mw==",4.5]`, other: true},
		"v_tuple":         {as: FormJSON, payload: `[1,"a"]`, other: true},
		"v_dict":          {as: FormJSON, payload: `{"k":1,"m":[2,3],"n":{"z":"y"}}`},
		"v_nested":        {as: FormJSON, payload: `[[1,2],["a",{"b":"Yw=="}]]`, other: true},
		"v_empty_bytes":   {as: FormBytes},
		"v_empty_str":     {as: FormText},
		"v_empty_list":    {as: FormJSON, payload: `[]`},
		"v_empty_dict":    {as: FormJSON, payload: `{}`},
		"v_int_keys":      {as: FormJSON, payload: `{"1":"a","2":"Yg=="}`, other: true},
		"v_tuple_in_list": {as: FormJSON, payload: `[[1,2],[3]]`, other: true},
		"v_list_one":      {as: FormJSON, payload: `[7]`},
		"v_none":          {as: FormBytes},
	}
	found := 0
	for _, tr := range transcriptsV3(t) {
		if tr.Scenario != "typed_values" && tr.Scenario != "typed_values_from_server" {
			continue
		}
		for _, m := range tr.typed(t) {
			if k, _ := m.kind(); k != KindCommand {
				continue
			}
			found++
			name, body := SplitTyped(m.payload)
			want, ok := tests[string(name)]
			require.True(t, ok, string(name))
			payload, as, err := ParseBody(body, 0)
			require.NoError(t, err, string(name))
			require.Equal(t, want.payload, string(payload), string(name))
			require.Equal(t, want.as, as, string(name))
			require.Equal(t, string(name) == "v_none", payload == nil)
			frame, err := AppendTyped(nil, tr.HeaderLen, string(name), as, payload)
			require.NoError(t, err)
			require.Equal(t, want.other, strconv.Quote(string(m.wire)) != strconv.Quote(string(frame)), "%s: %q", name, frame)
		}
	}
	require.Equal(t, 2*len(tests), found)
}
