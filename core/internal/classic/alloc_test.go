package classic

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// maxParseAlloc is the most that parsing a payload of n bytes may allocate, in bytes: a label and
// its text at most twice each, and an error. The rest is for what the runtime and the fuzzing
// engine allocate meanwhile.
func maxParseAlloc(n int) uint64 { return 4*uint64(n) + 64<<10 }

// allocated returns the bytes that are allocated while f runs, by any goroutine.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A peer can make parsing allocate no more than this.
func TestWorstCaseAllocation(t *testing.T) {
	const n = 1 << 20
	const little = 16 << 10 // bytes, independent of the payload's size
	some := func(part string) string { return strings.Repeat(part, n/len(part)) }
	tests := map[string]struct {
		payload string
		code    wire.Code
		max     uint64
	}{
		"name of 1 MiB":          {`{"name": "` + some("x") + `", "group": 1}`, wire.CodeNone, n + 16<<10},
		"name of escapes":        {`{"name": "` + some(`\u2028`) + `", "group": 1}`, wire.CodeNone, 2 * n},
		"very many names":        {`{` + some(`"name":"x",`) + `"name": 1, "group": 1}`, wire.CodeNone, little},
		"very many other keys":   {`{` + some(`"x":1,`) + `"name": 1, "group": 1}`, wire.CodeNone, little},
		"very many arrays":       {`{"name": 1, "group": 1, "x": [` + some("[[]],") + `1]}`, wire.CodeNone, little},
		"very deep":              {`{"name": 1, "group": 1, "x": ` + some("["), wire.CodeProtocol, little},
		"key of 1 MiB":           {`{"` + some("name") + `": 1}`, wire.CodeProtocol, little},
		"name that is an object": {`{"group": 1, "name": {"` + some("x") + `": 1}}`, wire.CodeBadName, little},
		"no JSON":                {some("x"), wire.CodeProtocol, little},
		"marker without a space": {markHello + some("x"), wire.CodeVersion, little},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			payload := []byte(tc.payload)
			var err error
			got := allocated(func() { _, err = ParseHello(payload) })
			if tc.code == wire.CodeNone {
				require.NoError(t, err)
			} else {
				requireCode(t, tc.code, err)
			}
			require.LessOrEqual(t, got, tc.max)
			require.LessOrEqual(t, tc.max, maxParseAlloc(len(payload)))
		})
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	content := make([]byte, 64)
	dst := make([]byte, 0, 512)
	nobody := []byte(`$CLTHELLO$ {"name": null, "group": null, "more": ["\u00e9", {}]}`)
	notUTF8 := []byte("\xff\xfe x")
	tests := map[string]func(){
		"command": func() {
			payload, _, _, _ := Next(AppendCommand(dst, 0, "say", content), 0, 0)
			_, _, _ = SplitCommand(payload)
		},
		"raw": func() {
			payload, _, _, _ := Next(AppendFrame(dst, 0, content), 0, 0)
			_, _, _ = SplitCommand(payload)
		},
		"raw that is no text":  func() { _, _, _ = SplitCommand(notUTF8) },
		"part of a frame":      func() { _, _, _, _ = Next(AppendCommand(dst, 0, "say", content)[:50], 0, 0) },
		"no notice":            func() { _, _, _, _ = ParseNotice(content) },
		"question for TLS":     func() { _ = IsTLSProbe(content) },
		"name and content":     func() { _, _ = CheckCommand("say"), CheckRaw(content) },
		"hello without labels": func() { _, _ = ParseHello(nobody) },
		"hello, sent":          func() { AppendHello(dst, 0, Hello{LabelOf("Zoë"), LabelOf("grüppe")}) },
		"notice, sent": func() {
			AppendConnected(dst, 0, Presence{"127.0.0.1", 45362, LabelOf("bob"), LabelOf("red")})
		},
		"answer about TLS": func() { AppendNoTLS(dst, 0) },
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { require.Zero(t, testing.AllocsPerRun(100, f)) })
	}
}
