package faulty_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/faulty"
)

// every has every kind of step.
var every = faulty.Script{
	faulty.Read(0, faulty.Dribble(3)),
	faulty.Read(40, faulty.Delay(20*time.Millisecond)),
	faulty.Read(7, faulty.Corrupt(7)),
	faulty.Write(0, faulty.Stall(0)),
	faulty.Write(1, faulty.Stall(90*time.Second)),
	faulty.Write(2, faulty.HalfClose()),
	faulty.Write(1<<62, faulty.Cut()),
	faulty.Read(9, faulty.Reset()),
	faulty.Read(10, faulty.Fault{}),
}

func TestScriptString(t *testing.T) {
	const text = "read@0 dribble(3), read@40 delay(20ms), read@7 corrupt(7), write@0 stall, write@1 stall(1m30s), " +
		"write@2 halfclose, write@4611686018427387904 cut, read@9 reset, read@10 nothing"
	require.Equal(t, text, every.String())
	got, err := faulty.Parse(text)
	require.NoError(t, err)
	require.Equal(t, every, got)

	require.Equal(t, "none", faulty.Script{}.String())
	for _, none := range []string{"none", "", " \n"} {
		got, err := faulty.Parse(none)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	got, err = faulty.Parse(" write@1000   cut ,read@0 stall(0s)\n")
	require.NoError(t, err)
	require.Equal(t, faulty.Script{faulty.Write(1000, faulty.Cut()), faulty.Read(0, faulty.Stall(0))}, got)
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"cut", "read@1", "read@1cut", "read cut", "both@1 cut", "@1 cut", "read@ cut", "read@x cut", "read@-1 cut",
		"read@9223372036854775808 cut", "read@1 explode", "read@1 ", "read@1 cut(1)", "read@1 cut()", "read@1 delay",
		"read@1 delay()", "read@1 delay(5)", "read@1 delay(-1s)", "read@1 delay(1s", "read@1 delay 1s)", "read@1 dribble(1s)",
		"read@1 dribble(-1)", "read@1 corrupt(8)", "read@1 corrupt(-1)", "read@1 stall()", "read@1 cut,", "none, read@1 cut",
	} {
		_, err := faulty.Parse(text)
		require.ErrorContains(t, err, "faulty: parse step ", text)
	}
}

func TestMistakesPanic(t *testing.T) {
	for name, mistake := range map[string]func(){
		"read":    func() { faulty.Read(-1, faulty.Cut()) },
		"write":   func() { faulty.Write(-1, faulty.Cut()) },
		"delay":   func() { faulty.Delay(-1) },
		"stall":   func() { faulty.Stall(-1) },
		"dribble": func() { faulty.Dribble(-1) },
		"bit -1":  func() { faulty.Corrupt(-1) },
		"bit 8":   func() { faulty.Corrupt(8) },
	} {
		require.Panics(t, mistake, name)
	}
}

// Parse gives back the script that String has printed.
func FuzzParse(f *testing.F) {
	f.Add(every.String())
	f.Add("none")
	f.Add("read@1 cut(, ,")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := faulty.Parse(text)
		if err != nil {
			require.Empty(t, s)
			return
		}
		again, err := faulty.Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
