package wire

import (
	"bytes"
	"math"
	"runtime"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// maxParseAlloc is the most that parsing one frame may allocate with the default limits, in bytes.
// TestWorstCaseAllocation comes close to it.
const maxParseAlloc = 256 << 10

// allocated returns the bytes that are allocated while f runs, by any goroutine.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func seed(f *testing.F, add func(frame []byte)) {
	for _, v := range goldenVectors(f) {
		add(v.Hex)
	}
	for _, v := range goldenFaults(f) {
		add(v.Hex)
	}
}

// FuzzNext splits a stream at once and byte by byte: both must agree.
func FuzzNext(f *testing.F) {
	var stream []byte
	seed(f, func(frame []byte) { f.Add(frame, 0) })
	for _, v := range goldenVectors(f) {
		stream = append(stream, v.Hex...)
	}
	f.Add(stream, 1<<20)
	f.Add(stream, 100)
	f.Fuzz(func(t *testing.T, b []byte, max int) {
		for len(b) > 0 {
			frame, size, ok, err := Next(b, max)
			first := -1 // length of the shortest part that decides
			for i := range len(b) + 1 {
				partFrame, partSize, partOK, partErr := Next(b[:i], max)
				if partOK || partErr != nil {
					first = i
					require.Equal(t, err, partErr)
					require.Equal(t, frame, partFrame)
					require.Equal(t, size, partSize)
					require.Equal(t, ok, partOK)
					break
				}
				if partFrame.Body != nil || partSize != 0 && partSize <= i {
					require.FailNow(t, "undecided, yet says more", "%d of %d bytes: size %d", i, len(b), partSize)
				}
			}
			if err != nil {
				require.NotEqual(t, -1, first)
				require.Zero(t, size)
				requireLoggable(t, err.Error())
				return
			}
			if !ok {
				require.Equal(t, -1, first)
				return
			}
			require.Equal(t, first, size)
			require.True(t, frame.Kind.Known() || frame.Kind >= firstSkippable)
			require.Equal(t, b[:size], AppendFrame(nil, frame.Kind, frame.Body), "written again it is the same")
			b = b[size:]
		}
	})
}

// FuzzParse parses any bytes as the body of any kind. An accepted body must have the same bytes
// when it is written again. Fields of a hello and a welcome may have come in another order: their
// values must be the same.
func FuzzParse(f *testing.F) {
	seed(f, func(frame []byte) {
		if fr, _, ok, err := Next(frame, 0); ok && err == nil {
			f.Add(byte(fr.Kind), fr.Body)
		}
	})
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		in := Frame{Kind(kind), body}
		if !in.Kind.Known() {
			return
		}
		var v vectorFields
		var err error
		before := bytes.Clone(body)
		n := allocated(func() { v, err = parseFields(in) })
		require.Equal(t, before, body, "parsing must not change the input")
		require.LessOrEqual(t, n, uint64(maxParseAlloc))
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotEqual(t, CodeNone, e.Code)
			require.Zero(t, v)
			requireLoggable(t, err.Error())
			return
		}
		again := appendFields(nil, in.Kind, v)
		switch in.Kind {
		case KindHello, KindWelcome:
			fr, _, ok, err := Next(again, math.MaxInt)
			require.NoError(t, err)
			require.True(t, ok)
			w, err := parseFields(fr)
			require.NoError(t, err)
			require.Equal(t, v, w)
		default:
			require.Equal(t, AppendFrame(nil, in.Kind, body), again)
		}
	})
}

// FuzzRoundTrip writes any values with every function and reads them back.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), uint32(4), "sum", "no such command", []byte("[1,2]"))
	f.Add(uint64(math.MaxUint64), uint32(math.MaxUint32), "", "\xff", []byte(nil))
	f.Fuzz(func(t *testing.T, id uint64, code uint32, name, text string, payload []byte) {
		in := vectorFields{
			ID: id, Nonce: id, Received: id, Credit: id, Version: id, MaxFrame: id,
			Code: Code(code), Name: name, Old: text, Message: text, Reason: text, Addr: text,
			Groups: []string{name, text}, Metadata: map[string]string{name: text}, Notices: id&1 == 1,
			Payload: payload, Details: payload, Auth: payload, Session: payload, Token: payload,
			RetryAfter: uint64(code >> 1), Heartbeat: uint64(code >> 1), Resumed: id&2 == 2, Resume: id&4 == 4, AckBytes: id,
			ResumeTime: uint64(code >> 1), OnlyResume: id&8 == 8,
			Refused: []vectorRefused{{name, Code(code), text, uint64(code >> 1)}},
			Group:   text, Epoch: id, Number: id, Count: id >> 1, Again: id&16 == 16, Silent: id&32 == 32,
			Positions: []vectorPosition{{name, id, uint64(code)}, {text, uint64(code), id}},
		}
		for k := range Kind(0x40) {
			if !k.Known() {
				continue
			}
			frame := appendFields(nil, k, in)
			fr, size, ok, err := Next(frame, math.MaxInt)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, len(frame), size)
			require.Equal(t, k, fr.Kind)
			v, err := parseFields(fr)
			if err != nil {
				// Only faults that are for the receiver to judge may be refused.
				require.Contains(t, []Kind{KindHello, KindWelcome, KindJoinGroup, KindLeaveGroup, KindJoined, KindLeft, KindRename, KindRenamed,
					KindReplay, KindReplayEnd, KindGroupCommand, KindGroupRaw, KindGroupPassed,
					KindStream, KindStreamPart, KindStreamCredit}, k)
				continue
			}
			require.Equal(t, frame, appendFields(nil, k, v))
			if v.Name != "" {
				require.Equal(t, name, v.Name, k)
			}
			if v.ID != 0 {
				require.Equal(t, id, v.ID)
			}
			if len(v.Payload) > 0 {
				require.Equal(t, payload, []byte(v.Payload))
			}
			if len(v.Details) > 0 {
				require.Equal(t, payload, []byte(v.Details))
			}
		}
	})
}

func FuzzValidName(f *testing.F) {
	for _, s := range []string{"", "ada", "a\nb", "\xff", "\u2028", "日本語", "\u0085"} {
		f.Add(s, 0)
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		err := ValidName(s, max)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, CodeBadName, e.Code)
			requireLoggable(t, err.Error())
			return
		}
		require.True(t, utf8.ValidString(s))
		require.NotEmpty(t, s)
		require.NotContains(t, s, "\n")
	})
}
