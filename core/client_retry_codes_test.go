//go:build !js

package core

import (
	"context"
	"errors"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// codes returns every code of the library.
func codes() []Code {
	var all []Code
	for c := CodeNone; !strings.HasPrefix(c.String(), "code "); c++ {
		all = append(all, c)
	}
	return all
}

// healing is the word of docs/delivery.md for what a client does after a code: "yes", "once it was
// in" or "no".
func healing(c Code) string {
	switch first, later := comesBack(NewError(c, ""), false), comesBack(NewError(c, ""), true); {
	case first && later:
		return "yes"
	case later:
		return "once it was in"
	case first:
		return "never at all"
	}
	return "no"
}

// The table in docs/delivery.md says of every code whether a client comes back.
func TestDeliverySaysWhoComesBack(t *testing.T) {
	page, err := os.ReadFile("../docs/delivery.md")
	require.NoError(t, err)
	said := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+ [a-z ]+?) \|.*\| ([a-z ]+) \|$`).FindAllStringSubmatch(string(page), -1) {
		said[m[1]] = m[2]
	}
	all := codes()
	require.Greater(t, len(all), 32)
	for _, c := range all {
		require.Equal(t, healing(c), said[strconv.Itoa(int(c))+" "+c.String()], "code %d, %q", c, c)
	}
	require.Equal(t, healing(CodeApplication), said["1000 and more"])
	require.Len(t, said, len(all)+1, "a row for a code that there is not")
}

// The doc comment of Retry lists the codes after which a client comes back.
func TestRetrySaysWhoComesBack(t *testing.T) {
	source, err := os.ReadFile("options_client.go")
	require.NoError(t, err)
	comment := string(source)[strings.Index(string(source), "// Retry says how"):strings.Index(string(source), "type Retry struct")]
	comment = strings.Join(strings.Fields(strings.ReplaceAll(comment, "//", "")), " ")
	_, comment, _ = strings.Cut(comment, "always ")
	always, rest, _ := strings.Cut(comment, " once it ")
	once, never, ok := strings.Cut(rest, " never ")
	require.True(t, ok)
	once, _, _ = strings.Cut(once, ":")
	said := map[string]string{}
	for says, list := range map[string]string{"yes": always, "once it was in": once, "no": never} {
		for name := range strings.SplitSeq(list, ", ") {
			require.NotContains(t, said, name)
			said[name] = says
		}
	}
	all := codes()
	for _, c := range all {
		require.Equal(t, healing(c), said[c.String()], "code %d, %q", c, c)
	}
	require.Equal(t, "no", said["a program's own code"])
	require.Equal(t, "no", said["a code that this version does not know"])
	require.Len(t, said, len(all)+2)
}

// A client comes back after any code with which a server sends a time.
func TestRetryAfterHealsEveryCode(t *testing.T) {
	for _, c := range append(codes(), 999, CodeApplication, 1<<32-1) {
		require.True(t, comesBack(&Error{Code: c, RetryAfter: time.Second}, false), "code %d", c)
	}
	require.False(t, comesBack(NewError(999, ""), true))
	require.False(t, comesBack(NewError(CodeApplication, ""), true))
}

// An authorizer whose database fails for two seconds, while all clients join anew, ends no client,
// in whichever way it fails.
func TestAuthorizerHiccup(t *testing.T) {
	tests := map[string]func(ctx context.Context) error{
		"error":         func(context.Context) error { return errors.New("connection refused") },
		"panic":         func(context.Context) error { panic("nil pointer") },
		"context error": func(context.Context) error { return context.DeadlineExceeded },
		"out of time":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"goexit":        func(context.Context) error { runtime.Goexit(); return nil },
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			const fleet = 60
			var hiccup atomic.Bool
			opts := &ServerOptions{Timeouts: Timeouts{Resume: -1, Hello: 2 * time.Second}}
			opts.Access.Authorize = func(ctx context.Context, a *Admission) error {
				if hiccup.Load() {
					return fail(ctx)
				}
				return nil
			}
			inWorld(t, opts, func(w *world) {
				w.serve()
				var clients []*Client
				for range fleet {
					cl, _ := w.returning("", Retry{})
					w.join(cl)
					clients = append(clients, cl)
				}
				hiccup.Store(true)
				for _, cl := range clients {
					cl.Conn().breakOff()
				}
				time.Sleep(2 * time.Second)
				hiccup.Store(false)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				for _, cl := range clients {
					require.NoError(t, cl.Err())
				}
				require.Equal(t, fleet, w.srv.Len())
				for _, cl := range clients {
					require.NoError(t, cl.Close())
				}
			})
		})
	}
}
