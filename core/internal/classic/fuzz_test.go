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

// seedPayloads adds the payloads of the transcripts, without the very long ones.
func seedPayloads(f *testing.F) {
	for _, tr := range transcripts(f) {
		for _, m := range tr.messages(f) {
			if len(m.payload) < 1<<10 {
				f.Add(m.payload)
			}
		}
	}
}

// FuzzNext splits a stream at once and byte by byte: both must agree.
func FuzzNext(f *testing.F) {
	for _, tr := range transcripts(f) {
		streams := map[int][]byte{}
		for _, e := range tr.Events {
			if e.Len == 0 && e.Dir == "c2s" {
				streams[e.Conn] = append(streams[e.Conn], e.Hex...)
			} else if e.Len == 0 {
				streams[-e.Conn] = append(streams[-e.Conn], e.Hex...)
			}
		}
		for _, stream := range streams {
			f.Add(stream, tr.HeaderLen, 1<<20)
			f.Add(stream, tr.HeaderLen, 30)
		}
	}
	f.Add([]byte("9999999999999999"), 16, 1<<30)
	f.Add([]byte(" +005 \thello"), 7, 0)
	f.Fuzz(func(t *testing.T, b []byte, headerLen, max int) {
		headerLen = min(headerLen, 1<<10)
		for len(b) > 0 {
			payload, size, ok, err := Next(b, headerLen, max)
			first := -1 // length of the shortest part that decides
			for i := range len(b) + 1 {
				partPayload, partSize, partOK, partErr := Next(b[:i], headerLen, max)
				if partOK || partErr != nil {
					first = i
					require.Equal(t, err, partErr)
					require.Equal(t, payload, partPayload)
					require.Equal(t, size, partSize)
					require.Equal(t, ok, partOK)
					break
				}
				if partPayload != nil || partSize != 0 && partSize <= i || partSize != 0 && partSize != size {
					require.FailNow(t, "undecided, yet says more", "%d of %d bytes: size %d", i, len(b), partSize)
				}
			}
			if err != nil {
				require.Equal(t, Size(headerLen, 0), first, "found when the header is there")
				require.Zero(t, size)
				var e *wire.Error
				require.ErrorAs(t, err, &e)
				requireCode(t, e.Code, err)
				return
			}
			if !ok {
				require.Equal(t, -1, first)
				return
			}
			require.Equal(t, first, size)
			again := AppendFrame(nil, headerLen, payload)
			require.Len(t, again, size)
			_, _, ok, err = Next(again, headerLen, max)
			require.True(t, ok && err == nil, "written again it is taken again")
			require.Equal(t, payload, again[size-len(payload):])
			b = b[size:]
		}
	})
}

// A jsonOracle is an object as encoding/json reads it.
type jsonOracle map[string]any

// oracle reads text with encoding/json, and refuses texts that only encoding/json tolerates. tells
// is false if the two packages differ on purpose.
func oracle(text []byte) (o jsonOracle, valid, tells bool) {
	if bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Infinity")) ||
		bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth {
		return nil, false, false
	}
	if !utf8.Valid(text) || !json.Valid(text) || !strings.HasPrefix(strings.TrimLeft(string(text), " \t\r\n"), "{") {
		return nil, false, true
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return o, d.Decode(&o) == nil, true
}

// requireLabel checks a label against the value that encoding/json has for the key.
func (o jsonOracle) requireLabel(t *testing.T, key string, l Label) {
	t.Helper()
	switch v := o[key].(type) {
	case nil:
		require.Contains(t, o, key)
		require.Equal(t, Label{}, l)
	case string:
		require.Equal(t, LabelOf(v), l)
	case json.Number:
		require.Equal(t, LabelOf(v.String()), l)
	case bool:
		require.Equal(t, LabelOf(map[bool]string{true: "true", false: "false"}[v]), l)
	default:
		require.Fail(t, "a label must not be", "%T", v)
	}
}

// isLabel reports whether the key has a value that a label may have.
func (o jsonOracle) isLabel(key string) bool {
	v, ok := o[key]
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return ok
}

// FuzzParseHello parses any bytes as a hello, and compares with encoding/json.
func FuzzParseHello(f *testing.F) {
	seedPayloads(f)
	f.Add([]byte("$CLTHELLO$ { \"group\"\t: -1.50e+3, \"x\": [{}, \"\\ud83e\"], \"n\\u0061me\": \"\\udd8a\\/\" }"))
	f.Add([]byte(`{"name": "a", "group": NaN, "name": true}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var h Hello
		var err error
		before := bytes.Clone(payload)
		n := allocated(func() { h, err = ParseHello(payload) })
		require.Equal(t, before, payload, "parsing must not change the input")
		require.LessOrEqual(t, n, maxParseAlloc(len(payload)))
		text := bytes.TrimPrefix(payload, []byte(markHello+" "))
		o, valid, tells := oracle(text)
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.Zero(t, h)
			require.False(t, tells && valid && o.isLabel("name") && o.isLabel("group"), "it is right: %v", err)
			return
		}
		if tells {
			require.True(t, valid)
			o.requireLabel(t, "name", h.Name)
			o.requireLabel(t, "group", h.Group)
		}
		frame := AppendHello(nil, 0, h)
		again, err := ParseHello(frame[DefaultHeaderLen:])
		require.NoError(t, err)
		require.Equal(t, h, again)
		require.Equal(t, frame, AppendHello(nil, 0, again))
	})
}

// FuzzParseNotice parses any bytes as a notice, and compares with encoding/json.
func FuzzParseNotice(f *testing.F) {
	seedPayloads(f)
	f.Add([]byte(`$CLTDISCONN${"ip":["\u003a:1",0],"name":5,"group":"","ipstr":""}`))
	f.Add([]byte(`$CLTCONN$ {"ip": [], "name": null, "group": {}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var p Presence
		var came, ok bool
		var err error
		before := bytes.Clone(payload)
		n := allocated(func() { p, came, ok, err = ParseNotice(payload) })
		require.Equal(t, before, payload, "parsing must not change the input")
		require.LessOrEqual(t, n, maxParseAlloc(len(payload)))
		text, isConnected := bytes.CutPrefix(payload, []byte(markConnected))
		isDisconnected := false
		if !isConnected {
			text, isDisconnected = bytes.CutPrefix(payload, []byte(markDisconnected))
		}
		require.Equal(t, isConnected || isDisconnected, ok)
		require.Equal(t, isConnected, came)
		if !ok {
			require.NoError(t, err)
			require.Zero(t, p)
			return
		}
		o, valid, tells := oracle(text)
		if err != nil {
			var e *wire.Error
			require.ErrorAs(t, err, &e)
			requireCode(t, e.Code, err)
			require.Zero(t, p)
			return
		}
		write := AppendDisconnected
		if came {
			write = AppendConnected
		}
		if tells {
			require.True(t, valid)
			o.requireLabel(t, "name", p.Name)
			o.requireLabel(t, "group", p.Group)
			require.Equal(t, []any{p.IP, json.Number(itoa(p.Port))}, o["ip"])
		}
		frame := write(nil, 0, p)
		again, cameAgain, ok, err := ParseNotice(frame[DefaultHeaderLen:])
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, came, cameAgain)
		require.Equal(t, p, again)
		require.Equal(t, frame, write(nil, 0, again))
	})
}

// FuzzCommand sends any valid command: it arrives unchanged.
func FuzzCommand(f *testing.F) {
	f.Add("say", []byte("hello"), 16)
	f.Add("grüße", []byte(" \x00\xff "), 6)
	f.Add("", []byte(nil), 1)
	f.Add("$a", []byte("$ {}"), 0)
	f.Fuzz(func(t *testing.T, name string, content []byte, headerLen int) {
		headerLen = min(headerLen, 1<<10)
		if CheckCommand(name) != nil || wire.ValidName(name, MaxCommand) != nil {
			return
		}
		frame := AppendCommand(nil, headerLen, name, content)
		if len(name)+1+len(content) > MaxPayload(headerLen) {
			return
		}
		require.Len(t, frame, CommandSize(headerLen, name, len(content)))
		payload, size, ok, err := Next(frame, headerLen, 1<<30)
		require.NoError(t, err)
		require.True(t, ok)
		require.Len(t, frame, size)
		require.False(t, IsTLSProbe(payload))
		gotName, gotContent, ok := SplitCommand(payload)
		require.True(t, ok)
		require.Equal(t, name, string(gotName))
		require.True(t, bytes.Equal(content, gotContent))
	})
}
