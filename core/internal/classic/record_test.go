package classic

import (
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

func TestRecord(t *testing.T) {
	who := Presence{IP: "::1", Port: 5, Group: LabelOf("")}
	tests := map[string]struct {
		append    func(dst []byte, headerLen int, p *Presence) []byte
		some, no  string
		recordOf  func(payload []byte) []byte
		nameThere bool // an absent name comes back as an empty one
	}{
		"1.x": {
			append: AppendRecord, recordOf: func(b []byte) []byte { return b },
			some: `45              {"ip": ["::1", 5], "name": null, "group": ""}`,
			no:   `26              {"traceback": "$NOEXIST$"}`,
		},
		"2.x": {
			append: AppendRecordPlain, recordOf: func(b []byte) []byte { _, c := SplitPlain(b); return c },
			some: `64              $CMD$record$1$$MSG${"ip": ["::1", 5], "name": null, "group": ""}`,
			no:   `45              $CMD$record$1$$MSG${"traceback": "$NOEXIST$"}`,
		},
		"3.0a": {
			append: AppendRecordTyped, nameThere: true,
			recordOf: func(b []byte) []byte {
				_, body := SplitTyped(b)
				payload, _, err := ParseBody(body, 0)
				require.NoError(t, err)
				return payload
			},
			some: `76              $CMD$record$1$$MSG$22      d2s4[3s1i]4s0s5s0s5s7sip::15namegroupipstr[::1]:5`,
			no:   `50              $CMD$record$1$$MSG$5       d9s9straceback$NOEXIST$`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.some, string(tc.append(nil, 0, &who)))
			require.Equal(t, tc.no, string(tc.append(nil, 0, nil)))
			p, ok, err := ParseRecord(tc.recordOf([]byte(tc.some[16:])))
			require.NoError(t, err)
			require.True(t, ok)
			want := who
			want.Name.Set = tc.nameThere
			require.Equal(t, want, p)
			_, ok, err = ParseRecord(tc.recordOf([]byte(tc.no[16:])))
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
	_, ok, err := ParseRecord([]byte(`{"traceback": "Client format is wrong (must be of type tuple or str)."}`))
	requireCode(t, wire.CodeInternal, err)
	require.ErrorContains(t, err, "Client format is wrong")
	require.False(t, ok)
	for _, text := range []string{``, `{}`, `{"traceback": 1}`, `{"ip": "x", "name": null, "group": null}`, `{"ip": ["x", 1], "name": [], "group": null}`, `{"ip"`} {
		_, ok, err := ParseRecord([]byte(text))
		require.Error(t, err, text)
		require.False(t, ok)
	}
}

// FuzzParseRecord parses any bytes as the record of a client. A valid record is written and read
// again.
func FuzzParseRecord(f *testing.F) {
	for _, tr := range append(transcriptsV1(f), transcriptsV2(f)...) {
		for _, e := range tr.Events {
			if e.Dir == "s2c" && len(e.Hex) > 16 && e.Hex[16] == '{' {
				f.Add([]byte(e.Hex[16:]))
			}
		}
	}
	f.Add([]byte(`{"traceback": "\u0000", "traceback": null}`))
	f.Add([]byte(`{"group": 5, "ip": ["\ud83e", 65535], "name": "x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p Presence
		var ok bool
		var err error
		n := allocated(func() { p, ok, err = ParseRecord(text) })
		require.LessOrEqual(t, n, maxParseAlloc(len(text)))
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.False(t, ok)
			return
		}
		if !ok {
			return
		}
		payload, _, whole, err := Next(AppendRecord(nil, 0, &p), 0, 1<<30)
		require.True(t, whole && err == nil)
		again, ok, err := ParseRecord(payload)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, p, again)
		_, body := SplitTyped(AppendRecordTyped(nil, 0, &p)[16:])
		payload, _, err = ParseBody(body, 1<<30)
		require.NoError(t, err)
		again, ok, err = ParseRecord(payload)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, p.Name.Text, again.Name.Text)
		require.Equal(t, p.IP, again.IP)
	})
}
