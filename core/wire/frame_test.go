package wire

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNextByteAtATime(t *testing.T) {
	for _, v := range goldenVectors(t) {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			_, header := uvarint(v.Hex)
			for i := range v.Hex {
				f, size, ok, err := Next(v.Hex[:i], 0)
				require.NoError(t, err)
				require.False(t, ok)
				require.Zero(t, f)
				want := 0
				if i >= header {
					want = len(v.Hex)
				}
				require.Equal(t, want, size, "with %d bytes", i)
			}
		})
	}
}

func TestNextTakesOneFrame(t *testing.T) {
	stream := AppendPing(AppendRaw(AppendCommand(nil, "say", []byte("hello")), nil), 7)
	var kinds []Kind
	for len(stream) > 0 {
		f, size, ok, err := Next(stream, 0)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, len(f.Body), cap(f.Body), "appending to a body must not reach the next frame")
		kinds = append(kinds, f.Kind)
		stream = stream[size:]
	}
	require.Equal(t, []Kind{KindCommand, KindRaw, KindPing}, kinds)
}

func TestNextLimit(t *testing.T) {
	tests := map[string]struct {
		length uint64 // of kind and body, in bytes
		max    int
		fails  bool
	}{
		"at the limit":                   {length: 100, max: 100},
		"one over the limit":             {length: 101, max: 100, fails: true},
		"kind alone":                     {length: 1, max: 1},
		"limit of one":                   {length: 2, max: 1, fails: true},
		"two bytes of length, at":        {length: 300, max: 300},
		"two bytes of length, over":      {length: 301, max: 300, fails: true},
		"zero means the default, at":     {length: DefaultMaxFrame, max: 0},
		"zero means the default, over":   {length: DefaultMaxFrame + 1, max: 0, fails: true},
		"negative means the default":     {length: DefaultMaxFrame + 1, max: -1, fails: true},
		"1 GiB":                          {length: 1 << 30, max: math.MaxInt},
		"never more than 1 GiB":          {length: 1<<30 + 1, max: math.MaxInt, fails: true},
		"largest length that there is":   {length: math.MaxUint64, max: math.MaxInt, fails: true},
		"length negative as an int":      {length: 1 << 63, max: 100, fails: true},
		"length that wraps in 32 bits":   {length: 1<<32 + 5, max: 100, fails: true},
		"hello of 1 GiB at hello's size": {length: 1 << 30, max: DefaultMaxHello, fails: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			header := appendUvarint(nil, tc.length)
			for _, b := range [][]byte{header, append(slices.Clone(header), byte(KindHello))} {
				f, size, ok, err := Next(b, tc.max)
				require.Empty(t, f.Body)
				if tc.fails {
					var e *Error
					require.ErrorAs(t, err, &e)
					require.Equal(t, CodeTooBig, e.Code)
					require.Zero(t, size)
					require.False(t, ok)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, Size(int(tc.length)), size)
				require.Equal(t, size == len(b), ok)
			}
		})
	}
}

func TestNextFindsKindBeforeBody(t *testing.T) {
	_, _, _, err := Next([]byte{0x64, 0x04}, 0)
	require.EqualError(t, err, "wire: unknown frame kind 0x04")
	f, size, ok, err := Next([]byte{0x02, 0x80, 0xaa, 0xbb}, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 3, size)
	require.Equal(t, Frame{0x80, []byte{0xaa}}, f)
}

func TestAppendFrame(t *testing.T) {
	require.Equal(t, []byte("x\x01\x20"), AppendFrame([]byte("x"), KindPing))
	require.Equal(t, []byte("\x04\x11abc"), AppendFrame(nil, KindRaw, []byte("a"), nil, []byte("bc")))
}

func TestSize(t *testing.T) {
	require.Equal(t, 2, Size(1))
	require.Equal(t, 128, Size(127))
	require.Equal(t, 130, Size(128))
	require.Equal(t, 1<<20+3, Size(1<<20))
	for _, payload := range []int{0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 200, 16370, 16380, 16390} {
		p := make([]byte, payload)
		require.Len(t, AppendCommand(nil, "ab", p), CommandSize("ab", payload))
		require.Len(t, AppendRaw(nil, p), RawSize(payload))
		require.Len(t, AppendRequest(nil, 128, "ab", p), RequestSize(128, "ab", payload))
		require.Len(t, AppendReply(nil, 127, p), ReplySize(127, payload))
		require.Len(t, AppendStreamItem(nil, 1<<40, p), StreamItemSize(1<<40, payload))
		require.Len(t, AppendStreamPart(nil, 1<<40, p), StreamItemSize(1<<40, payload))
		s := &OpenStream{1 << 40, 1 << 20, true, []byte("ab"), p}
		require.Len(t, AppendStream(nil, s), StreamSize(s))
	}
}

// A frame within Size(max) is accepted by a receiver with the limit max.
func TestSizeAgainstLimit(t *testing.T) {
	const max = 127
	for payload := 100; payload < 140; payload++ {
		b := AppendCommand(nil, "say", make([]byte, payload))
		_, _, ok, err := Next(b, max)
		require.Equal(t, len(b) <= Size(max), err == nil && ok, "payload of %d B", payload)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	payload := make([]byte, 64)
	dst := make([]byte, 0, 256)
	tests := map[string]func(){
		"command": func() {
			f, _, _, _ := Next(AppendCommand(dst, "say", payload), 0)
			_, _, _ = ParseCommand(f.Body)
		},
		"raw": func() { _, _, _, _ = Next(AppendRaw(dst, payload), 0) },
		"request": func() {
			f, _, _, _ := Next(AppendRequest(dst, 1<<40, "sum", payload), 0)
			_, _, _, _ = ParseRequest(f.Body)
		},
		"reply": func() {
			f, _, _, _ := Next(AppendReply(dst, 1<<40, payload), 0)
			_, _, _ = ParseReply(f.Body)
		},
		"stream": func() {
			f, _, _, _ := Next(AppendStreamItem(dst, 300, payload), 0)
			_, _, _ = ParseStreamItem(f.Body)
			f, _, _, _ = Next(AppendStreamCredit(dst, 300, 300), 0)
			_, _, _ = ParseStreamCredit(f.Body)
		},
		"control": func() {
			f, _, _, _ := Next(AppendPing(dst, 1<<40), 0)
			_, _ = ParseNonce(f.Body)
			f, _, _, _ = Next(AppendAck(dst, 1<<40), 0)
			_, _ = ParseAck(f.Body)
			f, _, _, _ = Next(AppendCancel(dst, 1<<40), 0)
			_, _ = ParseCancel(f.Body)
		},
		"failure, sent": func() { AppendFailure(dst, 1, Goodbye{Code: CodeUnknownCommand, Reason: "no such command"}) },
		"group": func() {
			f, _, _, _ := Next(AppendJoinGroup(dst, "chat"), 0)
			_, _ = ParseName(f.Body)
		},
		"valid name": func() { _ = ValidName("chat room für alle", 0) },
		"part of a frame": func() {
			_, _, _, _ = Next(AppendCommand(dst, "say", payload)[:50], 0)
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { require.Zero(t, testing.AllocsPerRun(100, f)) })
	}
}
