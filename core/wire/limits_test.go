package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLimitsDefaults(t *testing.T) {
	defaults := Limits{MaxName: 128, MaxGroups: 64, MaxAuth: 8 << 10, MaxMetadata: 4 << 10, MaxToken: 256, MaxAddr: 512}
	require.Equal(t, defaults, (*Limits)(nil).withDefaults())
	require.Equal(t, defaults, (&Limits{}).withDefaults())
	set := Limits{1, 2, 3, 4, 5, 6}
	require.Equal(t, set, set.withDefaults())
	off := Limits{-1, -1, -1, -1, -1, -1}
	require.Equal(t, off, off.withDefaults())
}

// Each limit n takes n and refuses n+1. A limit that is off takes both.
func TestLimitsAreExact(t *testing.T) {
	const n = 20
	x := func(n int) string { return strings.Repeat("x", n) }
	hello := func(set func(h *Hello, n int)) func(int, *Limits) error {
		return func(n int, l *Limits) error {
			h := &Hello{}
			set(h, n)
			_, err := ParseHello(oneFrame(t, AppendHello(nil, h)).Body, l)
			return err
		}
	}
	welcome := func(set func(w *Welcome, n int)) func(int, *Limits) error {
		return func(n int, l *Limits) error {
			w := &Welcome{}
			set(w, n)
			_, err := ParseWelcome(oneFrame(t, AppendWelcome(nil, w)).Body, l)
			return err
		}
	}
	joined := func(set func(p *Presence, n int)) func(int, *Limits) error {
		return func(n int, l *Limits) error {
			p := &Presence{}
			set(p, n)
			_, err := ParsePresence(oneFrame(t, AppendJoined(nil, p)).Body, l)
			return err
		}
	}
	groups := func(n int) []string { return strings.Split(x(n), "")[:n] }
	tests := map[string]struct {
		parse func(n int, l *Limits) error
		limit func(n int) Limits
		code  Code
	}{
		"hello name": {hello(func(h *Hello, n int) { h.Name = x(n) }),
			func(n int) Limits { return Limits{MaxName: n} }, CodeBadName},
		"hello group": {hello(func(h *Hello, n int) { h.Groups = []string{x(n)} }),
			func(n int) Limits { return Limits{MaxName: n} }, CodeBadName},
		"hello groups": {hello(func(h *Hello, n int) { h.Groups = groups(n) }),
			func(n int) Limits { return Limits{MaxGroups: n} }, CodeTooManyGroups},
		"hello auth": {hello(func(h *Hello, n int) { h.Auth = []byte(x(n)) }),
			func(n int) Limits { return Limits{MaxAuth: n} }, CodeTooBig},
		"hello metadata, one pair": {hello(func(h *Hello, n int) { h.Metadata = map[string]string{"key": x(n - 4)} }),
			func(n int) Limits { return Limits{MaxMetadata: n} }, CodeTooBig},
		"hello metadata, in all": {hello(func(h *Hello, n int) { h.Metadata = map[string]string{"a": x(n - 10), "b": x(6)} }),
			func(n int) Limits { return Limits{MaxMetadata: n} }, CodeTooBig},
		"hello session": {hello(func(h *Hello, n int) { h.Session = []byte(x(n)) }),
			func(n int) Limits { return Limits{MaxToken: n} }, CodeTooBig},
		"hello token": {hello(func(h *Hello, n int) { h.Token = []byte(x(n)) }),
			func(n int) Limits { return Limits{MaxToken: n} }, CodeTooBig},
		"welcome name": {welcome(func(w *Welcome, n int) { w.Name = x(n) }),
			func(n int) Limits { return Limits{MaxName: n} }, CodeBadName},
		"welcome groups": {welcome(func(w *Welcome, n int) { w.Groups = groups(n) }),
			func(n int) Limits { return Limits{MaxGroups: n} }, CodeTooManyGroups},
		"welcome session": {welcome(func(w *Welcome, n int) { w.Session = []byte(x(n)) }),
			func(n int) Limits { return Limits{MaxToken: n} }, CodeTooBig},
		"welcome token": {welcome(func(w *Welcome, n int) { w.Token = []byte(x(n)) }),
			func(n int) Limits { return Limits{MaxToken: n} }, CodeTooBig},
		"welcome addr": {welcome(func(w *Welcome, n int) { w.Addr = x(n) }),
			func(n int) Limits { return Limits{MaxAddr: n} }, CodeTooBig},
		"joined name": {joined(func(p *Presence, n int) { p.Name = x(n) }),
			func(n int) Limits { return Limits{MaxName: n} }, CodeBadName},
		"joined group": {joined(func(p *Presence, n int) { p.Groups = []string{"a", x(n)} }),
			func(n int) Limits { return Limits{MaxName: n} }, CodeBadName},
		"joined groups": {joined(func(p *Presence, n int) { p.Groups = groups(n) }),
			func(n int) Limits { return Limits{MaxGroups: n} }, CodeTooManyGroups},
		"joined addr": {joined(func(p *Presence, n int) { p.Addr = x(n) }),
			func(n int) Limits { return Limits{MaxAddr: n} }, CodeTooBig},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			at, off := tc.limit(n), tc.limit(-1)
			require.NoError(t, tc.parse(n, &at))
			var e *Error
			require.ErrorAs(t, tc.parse(n+1, &at), &e)
			require.Equal(t, tc.code, e.Code)
			require.NoError(t, tc.parse(n+1, &off))
			require.NoError(t, tc.parse(10_000, &off))
		})
	}
}

// DefaultMaxHello has room for a hello that uses up every default limit.
func TestDefaultMaxHello(t *testing.T) {
	h := &Hello{
		Name:     strings.Repeat("n", DefaultMaxName),
		Auth:     make([]byte, DefaultMaxAuth),
		Metadata: map[string]string{"k": strings.Repeat("v", DefaultMaxMetadata-2)},
		Session:  make([]byte, DefaultMaxToken),
		Token:    make([]byte, DefaultMaxToken),
		Received: 1<<64 - 1,
		Notices:  true,
		MaxFrame: 1<<64 - 1,
	}
	for range DefaultMaxGroups {
		h.Groups = append(h.Groups, strings.Repeat("g", DefaultMaxName))
	}
	f, _, ok, err := Next(AppendHello(nil, h), DefaultMaxHello)
	require.NoError(t, err)
	require.True(t, ok)
	h.Version = Version
	got, err := ParseHello(f.Body, nil)
	require.NoError(t, err)
	require.Equal(t, h, got)
}
