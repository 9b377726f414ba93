//go:build !js

package core_test

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

// A logbook is a logger that keeps everything, in order to look at every byte of it.
type logbook struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	level, text string
	args        []any
}

func (l *logbook) add(level, msg string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry{level, msg, args})
}

func (l *logbook) Debug(msg string, args ...any) { l.add("debug", msg, args) }
func (l *logbook) Info(msg string, args ...any)  { l.add("info", msg, args) }
func (l *logbook) Warn(msg string, args ...any)  { l.add("warn", msg, args) }
func (l *logbook) Error(msg string, args ...any) { l.add("error", msg, args) }

// line is an entry as a simple logger would write it.
func (e entry) line() string {
	return e.level + " " + e.text + " " + strings.TrimSuffix(fmt.Sprintln(e.args...), "\n")
}

func (l *logbook) all() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]entry(nil), l.entries...)
}

// requireClean looks at every byte that was logged. Stacks are this side's own text
// and have lines, but nothing that a peer sent may be in them either.
func (l *logbook) requireClean(t *testing.T) {
	t.Helper()
	for _, e := range l.all() {
		require.Zero(t, len(e.args)%2, "keys and values in %q", e.line())
		requireLoggable(t, e.text)
		for i := 0; i < len(e.args); i += 2 {
			key, value := fmt.Sprint(e.args[i]), fmt.Sprint(e.args[i+1])
			requireLoggable(t, key)
			most := 560 // an error's text, cut, with its length
			if key == "stack" {
				most = 8 << 10
				value = strings.NewReplacer("\n", " ", "\t", " ").Replace(value)
				require.NotContains(t, value, nastyMark, "the stack has what a peer sent")
			}
			requireLoggable(t, value)
			require.LessOrEqual(t, len(value), most, "%s of %q", key, e.text)
		}
	}
}

// requireLogged waits for a line at that level, or any if it is empty, that holds part.
func (l *logbook) requireLogged(t *testing.T, level, part string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(l.all(), func(e entry) bool {
			return (level == "" || e.level == level) && strings.Contains(e.line(), part)
		})
	}, transporttest.Patience, time.Millisecond, "%q is not logged at level %s", part, level)
}

// requireLoggable checks that text can stand in a log line and on a terminal.
func requireLoggable(t *testing.T, text string) {
	t.Helper()
	if why := notLoggable(text); why != "" {
		require.Fail(t, "not fit for a log", "%s in %q", why, text)
	}
}

func notLoggable(text string) string {
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

// nastyMark is in every nasty text.
const nastyMark = "mallory"

// nasty are texts that would harm a log, a terminal or a list.
var nasty = map[string]string{
	"escape sequence":     nastyMark + "\x1b[31mred",
	"newline":             nastyMark + "\nlevel=WARN forged",
	"carriage return":     nastyMark + "\rforged",
	"NUL":                 nastyMark + "\x00",
	"DEL":                 nastyMark + "\x7f",
	"C1 control":          nastyMark + "\u0085forged",
	"line separator":      nastyMark + "\u2028forged",
	"paragraph separator": nastyMark + "\u2029forged",
	"not UTF-8":           nastyMark + "\xff\xfe",
	"half a character":    nastyMark + "\xe2\x80",
}

// everyNasty has all of them, one behind the other.
func everyNasty() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(nasty)) {
		b.WriteString(nasty[name])
	}
	return b.String()
}

func TestNotLoggable(t *testing.T) {
	for name, text := range nasty {
		t.Run(name, func(t *testing.T) { require.NotEmpty(t, notLoggable(text)) })
	}
	require.NotEmpty(t, notLoggable("\u202eright to left"))
	require.Empty(t, notLoggable("Zoë 🚀 日本語"))
	require.NotEmpty(t, notLoggable(everyNasty()))
}
