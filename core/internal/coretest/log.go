package coretest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A Log is a logger that keeps all entries, so that a test can check every byte.
type Log struct {
	mu      sync.Mutex
	entries []Entry
}

// An Entry has the arguments of one call of a logger.
type Entry struct {
	Level, Text string
	Args        []any
}

func (l *Log) add(level, msg string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, Entry{level, msg, args})
}

// Debug, Info, Warn and Error make a Log a logger of core.
func (l *Log) Debug(msg string, args ...any) { l.add("debug", msg, args) }
func (l *Log) Info(msg string, args ...any)  { l.add("info", msg, args) }
func (l *Log) Warn(msg string, args ...any)  { l.add("warn", msg, args) }
func (l *Log) Error(msg string, args ...any) { l.add("error", msg, args) }

// String returns the entry without its level, as a simple logger would write it.
func (e Entry) String() string {
	return strings.TrimSuffix(fmt.Sprintln(append([]any{e.Text}, e.Args...)...), "\n")
}

// Line returns the level and String.
func (e Entry) Line() string {
	return e.Level + " " + e.String()
}

// All returns the entries so far.
func (l *Log) All() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// Lines returns the texts of the entries so far, without the levels.
func (l *Log) Lines() (lines []string) {
	for _, e := range l.All() {
		lines = append(lines, e.String())
	}
	return lines
}

// EveryForm returns every text and argument that was logged, in several forms of package fmt, so that a test can look
// for a secret in it.
func (l *Log) EveryForm() string {
	var b strings.Builder
	for _, e := range l.All() {
		for _, a := range append(e.Args, e.Text) {
			fmt.Fprintf(&b, "%v %+v %q\n", a, a, a)
		}
	}
	return b.String()
}

// RequireClean checks that every entry can stand in a log: see RequireLoggable. A stack may have several lines, but no
// text from a peer.
func (l *Log) RequireClean(t *testing.T) {
	t.Helper()
	for _, e := range l.All() {
		require.Zero(t, len(e.Args)%2, "keys and values in %q", e.Line())
		RequireLoggable(t, e.Text)
		for i := 0; i < len(e.Args); i += 2 {
			key, value := fmt.Sprint(e.Args[i]), fmt.Sprint(e.Args[i+1])
			RequireLoggable(t, key)
			most := 560 // an error's text, cut, with its length
			if key == "stack" {
				most = 8 << 10
				value = strings.NewReplacer("\n", " ", "\t", " ").Replace(value)
				require.NotContains(t, value, NastyMark, "the stack has what a peer sent")
			}
			RequireLoggable(t, value)
			require.LessOrEqual(t, len(value), most, "%s of %q", key, e.Text)
		}
	}
}

// RequireLogged waits for an entry that contains part. An empty level means any level.
func (l *Log) RequireLogged(t *testing.T, level, part string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(l.All(), func(e Entry) bool {
			return (level == "" || e.Level == level) && strings.Contains(e.Line(), part)
		})
	}, transporttest.Patience, time.Millisecond, "%q is not logged at level %s", part, level)
}

// RequireLoggable checks that text can stand in a log line and on a terminal.
func RequireLoggable(t *testing.T, text string) {
	t.Helper()
	if why := NotLoggable(text); why != "" {
		require.Fail(t, "not fit for a log", "%s in %q", why, text)
	}
}

// NotLoggable returns the reason why text cannot stand in a log line, or an empty string if it can.
func NotLoggable(text string) string {
	for i := 0; i < len(text); {
		r, w := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && w == 1:
			return "invalid UTF-8 at byte " + strconv.Itoa(i)
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return strconv.QuoteRuneToASCII(r) + " at byte " + strconv.Itoa(i)
		}
		i += w
	}
	return ""
}

// NastyMark is in every nasty text.
const NastyMark = "mallory"

// Nasty are texts that would harm a log, a terminal or a list.
var Nasty = map[string]string{
	"escape sequence":     NastyMark + "\x1b[31mred",
	"newline":             NastyMark + "\nlevel=WARN forged",
	"carriage return":     NastyMark + "\rforged",
	"NUL":                 NastyMark + "\x00",
	"DEL":                 NastyMark + "\x7f",
	"C1 control":          NastyMark + "\u0085forged",
	"line separator":      NastyMark + "\u2028forged",
	"paragraph separator": NastyMark + "\u2029forged",
	"not UTF-8":           NastyMark + "\xff\xfe",
	"half a character":    NastyMark + "\xe2\x80",
}

// EveryNasty returns all texts of Nasty, concatenated.
func EveryNasty() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(Nasty)) {
		b.WriteString(Nasty[name])
	}
	return b.String()
}
