package web

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory is a memory section, in hexadecimal.
const memory = "05 03 01 00 01"

func TestMergeSegments(t *testing.T) {
	far := strings.Repeat("00", maxGap)
	tests := map[string]struct{ in, want string }{
		"one segment":            {"01 00 41 08 0b 01 61", "01 00 41 08 0b 01 61"},
		"none":                   {"00", "00"},
		"adjacent":               {"02 00 41 08 0b 01 61 00 41 09 0b 01 62", "01 00 41 08 0b 02 61 62"},
		"zeros between":          {"02 00 41 08 0b 01 61 00 41 0b 0b 01 62", "01 00 41 08 0b 04 61 00 00 62"},
		"zeros as far as can be": {"02 00 41 08 0b 01 61 00 41 89 02 0b 01 62", "01 00 41 08 0b 82 02 61" + far + "62"},
		"too far": {
			"02 00 41 08 0b 01 61 00 41 8a 02 0b 01 62", "02 00 41 08 0b 01 61 00 41 8a 02 0b 01 62",
		},
		"an address that would end with the sign": {
			"02 00 41 c0 00 0b 01 61 00 41 c1 00 0b 01 62", "01 00 41 c0 00 0b 02 61 62",
		},
		"an address in more bytes than it needs": {"01 00 41 88 00 0b 01 61", "01 00 41 08 0b 01 61"},
		"descending":                             {"02 00 41 09 0b 01 61 00 41 08 0b 01 62", "01 00 41 08 0b 02 62 61"},
		"three in two": {
			"03 00 41 01 0b 01 61 00 41 02 0b 01 62 00 41 80 08 0b 01 63", "02 00 41 01 0b 02 61 62 00 41 80 08 0b 01 63",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, module(t, memory, data(t, tc.want)), mergeSegments(module(t, memory, data(t, tc.in))))
		})
	}
}

func TestMergeSegmentsLeavesAloneWhatItDoesNotKnow(t *testing.T) {
	const two = "02 00 41 08 0b 01 61 00 41 09 0b 01 62"
	tests := map[string][]byte{
		"nothing":             nil,
		"an imported memory":  module(t, "02 00", data(t, two)),
		"a count of segments": module(t, memory, "0c 01 02", data(t, two)),
		"a passive segment":   module(t, memory, data(t, "01 01 01 61")),
		"a memory by number":  module(t, memory, data(t, "01 02 00 41 08 0b 01 61")),
		"a computed address":  module(t, memory, data(t, "01 00 23 00 0b 01 61")),
		"a negative address":  module(t, memory, data(t, "01 00 41 7f 0b 01 61")),
		"a longer sum":        module(t, memory, data(t, "01 00 41 08 41 01 6a 0b 01 61")),
		"overlapping":         module(t, memory, data(t, "02 00 41 08 0b 02 61 62 00 41 09 0b 01 63")),
		"fewer than it says":  module(t, memory, data(t, "02 00 41 08 0b 01 61")),
		"more than it says":   module(t, memory, data(t, "00 00 41 08 0b 01 61")),
	}
	whole := module(t, memory, data(t, two))
	for n := range whole {
		tests[fmt.Sprintf("its first %d bytes", n)] = whole[:n]
	}
	for name, wasm := range tests {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(wasm)
			require.Equal(t, before, mergeSegments(wasm))
			require.Equal(t, before, wasm)
		})
	}
}

// The output of Go's linker can be merged. The content of memory stays the same, except the tables
// of lines.
func TestBundleStartsWithTheMemoryThatGoLinked(t *testing.T) {
	tool, err := findGo("", "")
	require.NoError(t, err)
	tool.slim(goEnv(t, "GOVERSION"))
	out := filepath.Join(t.TempDir(), wasmFile)
	require.NoError(t, tool.compile(t.Context(), out))
	linked, err := os.ReadFile(out)
	require.NoError(t, err)

	before, others := memoryOf(t, linked)
	whole := slices.Clone(before.image)
	dropLines(before.image)
	require.False(t, bytes.Equal(whole, before.image))
	after, sameOthers := memoryOf(t, []byte(contents(t, bundleDir(t))[wasmFile]))
	require.True(t, bytes.Equal(before.image, after.image))
	require.True(t, bytes.HasPrefix(sameOthers, others), "the build's id comes last")
	require.Greater(t, before.segments, 10_000)
	require.Less(t, after.segments, 1_000)
}

// module returns a module with the given sections, each in hexadecimal.
func module(t *testing.T, sections ...string) []byte {
	t.Helper()
	wasm, err := hex.DecodeString(strings.ReplaceAll("0061736d01000000"+strings.Join(sections, ""), " ", ""))
	require.NoError(t, err)
	return wasm
}

// data returns a data section with the given body, both in hexadecimal.
func data(t *testing.T, body string) string {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	require.NoError(t, err)
	section := append(binary.AppendUvarint([]byte{sectionData}, uint64(len(raw))), raw...)
	return hex.EncodeToString(section)
}

func readUvarint(t *testing.T, b *[]byte) int {
	t.Helper()
	v, n := binary.Uvarint(*b)
	require.Positive(t, n)
	*b = (*b)[n:]
	return int(v)
}

type startMemory struct {
	image    []byte
	segments int
}

// memoryOf returns the content of a module's memory at the start, and the sections that are not data sections.
func memoryOf(t *testing.T, wasm []byte) (m startMemory, others []byte) {
	t.Helper()
	for rest := wasm[moduleHead:]; len(rest) > 0; {
		id := rest[0]
		body, after, ok := cutSized(rest[1:])
		require.True(t, ok)
		rest = after
		if id != sectionData {
			others = append(append(others, id), body...)
			continue
		}
		segments := body
		for n := readUvarint(t, &segments); n > 0; n-- {
			require.Equal(t, []byte{segmentActive, opConst}, segments[:2])
			segments = segments[2:]
			at := readUvarint(t, &segments)
			require.Equal(t, byte(opEnd), segments[0])
			data, after, ok := cutSized(segments[1:])
			require.True(t, ok)
			segments = after
			if end := at + len(data); end > len(m.image) {
				m.image = append(m.image, make([]byte, end-len(m.image))...)
			}
			copy(m.image[at:], data)
			m.segments++
		}
		require.Empty(t, segments)
	}
	return m, others
}
