package classic

import (
	"strconv"
	"strings"
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

// transcriptsV1 returns the transcripts of 1.2.
func transcriptsV1(t testing.TB) []transcript {
	t.Helper()
	return transcriptsIn(t, "transcripts-1.2", "1.2")
}

func TestSpacedKind(t *testing.T) {
	tests := map[string]struct {
		fromClient bool
		kind       Kind
		rest       string
		none       bool // not even the space
	}{
		"$CHNAME$ anna":       {true, KindRename, "anna", false},
		"$CHNAME$ ":           {true, KindRename, "", false},
		"$CHNAME$":            {true, KindRename, "", true},
		"$CHGROUP$ two words": {true, KindRegroup, "two words", false},
		"$CHGROUP$":           {true, KindRegroup, "", true},
		"$CHNAME$anna":        {true, KindRename, "anna", false},
		"$GETCLT$ 1.2.3.4:5":  {true, KindAsk, "1.2.3.4:5", false},
		"$USRCLOSE$":          {true, KindLeaving, "", true},
		"$USRCLOSE$ ":         {true, 0, "", true},
		"$DISCONN$":           {true, 0, "", true},
		"say $USRCLOSE$":      {true, 0, "", true},
		"":                    {true, 0, "", true},
		"{}":                  {true, 0, "", true},
		"$DISCONN$ ":          {false, 0, "", true},
		"$CHNAME$ x":          {false, 0, "", true},
		`{"ip": 5`:            {false, KindRecord, `{"ip": 5`, false},
	}
	for payload, want := range tests {
		k, rest := SpacedKind([]byte(payload), want.fromClient)
		require.Equal(t, want.kind, k, payload)
		require.Equal(t, want.rest, string(rest), payload)
		require.Equal(t, want.none, rest == nil, payload)
	}
	k, _ := SpacedKind([]byte("$DISCONN$"), false)
	require.Equal(t, KindDismissal, k)
}

// A parsed frame that is written again has the bytes that 1.2 wrote.
func TestSpacedTranscriptsRewritten(t *testing.T) {
	seen := map[Kind]int{}
	for _, tr := range transcriptsV1(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			joined := map[int]bool{}
			for _, e := range tr.Events {
				for b := e.bytes(t); len(b) > 0; {
					next := Next
					if e.Dir == "c2s" && joined[e.Conn] {
						next = NextWish
					}
					payload, size, ok, err := next(b, tr.HeaderLen, 2<<20)
					require.NoError(t, err)
					require.True(t, ok)
					if k, _ := SpacedKind(payload, e.Dir == "c2s"); k != 0 {
						seen[k]++
						require.NotEqual(t, KindCommand, k)
						if k == KindRecord {
							p, there, err := ParseRecord(payload)
							require.NoError(t, err)
							who := &p
							if !there {
								who = nil
							}
							require.Equal(t, string(b[:size]), string(AppendRecord(nil, tr.HeaderLen, who)))
						}
					} else {
						m := message{conn: e.Conn, dir: e.Dir, frame: b[:size], payload: payload}
						m.parse(t, e.Dir == "c2s" && !joined[e.Conn])
						require.Equal(t, clip(b[:size]), clip(m.rewrite(t, tr.HeaderLen)))
					}
					joined[e.Conn] = true
					b = b[size:]
				}
			}
		})
	}
	require.Equal(t, map[Kind]int{KindRename: 4, KindRegroup: 2, KindAsk: 3, KindRecord: 3, KindLeaving: 5, KindDismissal: 3}, seen)
}

func TestNextWish(t *testing.T) {
	all := "$CHNAME$" + "5               hello" + "$CHGROUP$$CHNAME$" + "8               $CHNAME$"
	var got []string
	for b := []byte(all); len(b) > 0; {
		payload, size, ok, err := NextWish(b, 0, 100)
		require.NoError(t, err)
		require.True(t, ok)
		for i := range size {
			payload, least, ok, err := NextWish(b[:i], 0, 100)
			require.NoError(t, err)
			require.False(t, ok)
			require.Nil(t, payload)
			require.True(t, least == 0 || least > i)
		}
		got = append(got, string(payload))
		b = b[size:]
	}
	require.Equal(t, []string{"$CHNAME$", "hello", "$CHGROUP$", "$CHNAME$", "$CHNAME$"}, got)
	for _, in := range []string{"$x", "$CHNAMES", "$CHGROUPS", "$$", "$USRCLOSE$", "$GETCLT$"} {
		_, _, ok, err := NextWish([]byte(in), 0, 100)
		requireCode(t, wire.CodeProtocol, err)
		require.False(t, ok)
	}
}

func TestAskedAddr(t *testing.T) {
	for who, want := range map[string]string{
		"('127.0.0.1', 45362)":    "127.0.0.1:45362",
		"('127.0.0.1',45362)":     "127.0.0.1:45362",
		`( "127.0.0.1" , 45362 )`: "127.0.0.1:45362",
	} {
		require.Equal(t, want, AskedAddr(who))
	}
	for _, who := range []string{"", "ada", "(", ")", "()", "(,)", "('',1)", "('x',)", "('x')", "('x\", 1)", "(x, 1)", "('x', 1", "'x', 1)", "127.0.0.1:45362"} {
		require.Equal(t, who, AskedAddr(who))
	}
}

func TestWrongHeader(t *testing.T) {
	hello := func(n int) string {
		const text = `$CLTHELLO$ {"name": null, "group": null}`
		size := strconv.Itoa(len(text))
		return size + strings.Repeat(" ", n-len(size)) + text
	}
	tests := map[string]struct {
		in   string
		set  int
		want int // length of the peer's header, in bytes; 0 if it is the set one, or cannot be told
	}{
		"the same":           {hello(16), 16, 0},
		"shorter":            {hello(8), 16, 8},
		"longer":             {hello(32), 16, 32},
		"as short as can be": {hello(2), 16, 2},
		"very long":          {hello(300), 16, 300},
		"cut in the marker":  {hello(8)[:9], 16, 8},
		"cut before it":      {hello(8)[:8], 16, 0},
		"a notice":           {"70      $CLTCONN$ {", 16, 8},
		"a notice of 2.x":    {"70      $CLTDISCONN${", 16, 8},
		"a command":          {"5       hello", 16, 0},
		"another marker":     {"5       $CMD$", 16, 0},
		"nothing":            {"", 16, 0},
		"no number":          {"  5     $CLTHELLO$", 16, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := WrongHeader([]byte(tc.in), tc.set)
			if tc.want == 0 {
				require.NoError(t, err)
				return
			}
			requireCode(t, wire.CodeProtocol, err)
			require.ErrorContains(t, err, "the peer's has "+strconv.Itoa(tc.want)+" B, and "+strconv.Itoa(tc.set)+" B are set here")
		})
	}
}

// FuzzNextWish splits a client's stream at once and in pieces: both must agree.
func FuzzNextWish(f *testing.F) {
	for _, tr := range transcriptsV1(f) {
		for _, e := range tr.Events {
			if e.Dir == "c2s" && e.Len == 0 {
				f.Add([]byte(e.Hex), tr.HeaderLen, 1<<10)
			}
		}
	}
	f.Add([]byte("$CHNAME$$CHGROUP$2               hi$CHG"), 16, 100)
	f.Add([]byte("$CHANGE$"), 4, 0)
	f.Fuzz(func(t *testing.T, b []byte, headerLen, max int) {
		headerLen = min(headerLen, 1<<10)
		for len(b) > 0 {
			payload, size, ok, err := NextWish(b, headerLen, max)
			for i := range len(b) + 1 {
				part, partSize, partOK, partErr := NextWish(b[:i], headerLen, max)
				if partErr != nil {
					require.Error(t, err)
					break
				}
				if partOK {
					require.Equal(t, payload, part)
					require.Equal(t, size, partSize)
					require.True(t, ok)
					break
				}
				require.True(t, partSize == 0 || partSize > i)
			}
			if err != nil {
				var e *wire.Error
				require.ErrorAs(t, err, &e)
				requireCode(t, e.Code, err)
			}
			if !ok {
				return
			}
			k, rest := SpacedKind(payload, true)
			require.True(t, k != 0 || rest == nil)
			n, marked := peerHeaderLen(b)
			require.True(t, marked == 0 || n > 0 && n < len(b))
			b = b[size:]
		}
	})
}
