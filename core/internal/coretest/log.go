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

// A Log is a logger that keeps everything, so that a test can look at every byte of it.
type Log struct {
	mu      sync.Mutex
	entries []Entry
}

// An Entry is what one call of a logger was given.
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

// String is an entry without its level, as a simple logger would write it.
func (e Entry) String() string {
	return strings.TrimSuffix(fmt.Sprintln(append([]any{e.Text}, e.Args...)...), "\n")
}

// Line is String behind the level.
func (e Entry) Line() string {
	return e.Level + " " + e.String()
}

// All returns what has been logged so far.
func (l *Log) All() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// Lines returns what has been logged so far as text, without the levels.
func (l *Log) Lines() (lines []string) {
	for _, e := range l.All() {
		lines = append(lines, e.String())
	}
	return lines
}

// EveryForm returns every word that has been logged, in all the forms that package fmt has for it, so that
// a test can look for what must not be in there.
func (l *Log) EveryForm() string {
	var b strings.Builder
	for _, e := range l.All() {
		for _, a := range append(e.Args, e.Text) {
			fmt.Fprintf(&b, "%v %+v %q\n", a, a, a)
		}
	}
	return b.String()
}

// RequireClean looks at every byte that was logged. Stacks are this side's own text
// and have lines, but nothing that a peer sent may be in them either.
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

// RequireLogged waits for a line at that level, or any if it is empty, that holds part.
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

// NotLoggable says why text cannot stand in a log line, and nothing if it can.
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

// EveryNasty has all of them, one behind the other.
func EveryNasty() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(Nasty)) {
		b.WriteString(Nasty[name])
	}
	return b.String()
}
