package classic

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// FuzzParseBody parses any bytes as a body. The JSON of a body is valid, and writing it again gives
// the same value.
func FuzzParseBody(f *testing.F) {
	for _, tr := range transcriptsV3(f) {
		for _, m := range tr.typed(f) {
			if _, b := SplitTyped(m.payload); b != nil && len(b) < 1<<10 {
				f.Add(b)
			}
		}
	}
	f.Add([]byte(body("l0[]0()3{1s2i}", "a-0")))
	f.Add([]byte(body("d4f1i4f2b", "\x7f\x80\x00\x005\x00\x00\x00\x00ab")))
	f.Fuzz(func(t *testing.T, b []byte) {
		const max = 64 << 10
		before := bytes.Clone(b)
		var payload []byte
		var as Form
		var err error
		n := allocated(func() { payload, as, err = ParseBody(b, max) })
		require.Equal(t, before, b, "parsing must not change the input")
		require.LessOrEqual(t, n, uint64(8*max))
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.Nil(t, payload)
			return
		}
		if as == FormJSON {
			require.True(t, json.Valid(payload), "%q", payload)
		}
		format, data, _ := splitBody(b)
		var w bodyWriter
		if walkBody(format, data, &w) == "" { // else the body has a value that no release can write
			_, _, err = ParseBody(w.appendTo(nil), max)
			require.NoError(t, err)
		}
		again, err := AppendBody(nil, as, payload)
		if err != nil {
			requireCode(t, wire.CodeUnsupported, err)
			return
		}
		got, gotAs, err := ParseBody(again, 0)
		require.NoError(t, err)
		require.Equal(t, as, gotAs)
		require.Equal(t, string(payload), string(got))
	})
}

// FuzzAppendBody writes any bytes in any form, and reads the same back.
func FuzzAppendBody(f *testing.F) {
	for _, in := range []string{`[1,"two",[3,{"k":"v"}]]`, `{"a":{"b":[1.5,-0.1]},"":"\ud83e\udd8a"}`, `null`, `[[],{}]`, `true`, `1e400`, `"\u0000"`, "x\xff"} {
		for as := FormBytes; as <= FormJSON; as++ {
			f.Add(uint8(as), []byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, in []byte) {
		as := Form(form % 4)
		before := bytes.Clone(in)
		b, err := AppendBody(nil, as, in)
		require.Equal(t, before, in)
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.Empty(t, b)
			require.False(t, as == FormJSON && e.Code == wire.CodeBadPayload && json.Valid(in) && utf8.Valid(in), "it is JSON: %v", err)
			return
		}
		got, gotAs, err := ParseBody(b, 1<<30)
		require.NoError(t, err, "%q", b)
		switch {
		case as == FormJSON:
			require.True(t, json.Valid(in), "%q is no JSON", in)
			again, err := AppendBody(nil, gotAs, got)
			require.NoError(t, err)
			require.Equal(t, string(b), string(again))
		case as != FormFloat:
			require.Equal(t, string(in), string(got))
			require.Equal(t, as, gotAs)
		}
	})
}

// FuzzNextBare splits a server's stream at once and in pieces: both must agree.
func FuzzNextBare(f *testing.F) {
	f.Add([]byte("$DISCONN$$KEEPALIVE${\"a\": \"}\\\"\"}2               hi"), 16, 100)
	f.Add([]byte("$DISCARD$"), 4, 0)
	f.Add(bytes.Repeat([]byte("{"), maxBare+1), 16, 100)
	f.Fuzz(func(t *testing.T, b []byte, headerLen, max int) {
		headerLen = min(headerLen, 1<<10)
		b = b[:min(len(b), maxBare+100)]
		for len(b) > 0 {
			payload, size, ok, err := NextBare(b, headerLen, max)
			parts := len(b)
			if ok {
				parts = min(parts, size+1)
			}
			for i := 0; i < parts; i += 1 + parts/256 {
				part, partSize, partOK, partErr := NextBare(b[:i], headerLen, max)
				switch {
				case partErr != nil:
					var all, some *wire.Error
					require.ErrorAs(t, err, &all)
					require.ErrorAs(t, partErr, &some)
					require.Equal(t, all.Code, some.Code)
				case partOK:
					require.Equal(t, payload, part)
					require.Equal(t, size, partSize)
					require.True(t, ok && i >= size)
				case partSize != 0 && partSize <= i:
					require.FailNow(t, "undecided, yet it says that all is there", "%d of %d bytes: size %d", i, len(b), partSize)
				}
			}
			if err != nil {
				var e *wire.Error
				require.ErrorAs(t, err, &e)
				requireCode(t, e.Code, err)
			}
			if !ok {
				return
			}
			require.Positive(t, size)
			b = b[size:]
		}
	})
}
