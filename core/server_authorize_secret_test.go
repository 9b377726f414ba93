//go:build !js

package core

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

func TestAuthIs(t *testing.T) {
	tests := map[string]struct {
		auth, secret string
		want         bool
	}{
		"right":              {auth: "token", secret: "token", want: true},
		"last byte wrong":    {auth: "tokem", secret: "token"},
		"too short":          {auth: "toke", secret: "token"},
		"too long":           {auth: "token1", secret: "token"},
		"none":               {auth: "", secret: "token"},
		"no secret":          {auth: "", secret: ""},
		"no secret, but one": {auth: "token", secret: ""},
		"long":               {auth: strings.Repeat("x", 5000), secret: strings.Repeat("x", 5000), want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, (&Admission{Auth: []byte(tc.auth)}).AuthIs([]byte(tc.secret)))
		})
	}
}

// forms are the forms in which a program may put a secret into an error.
var forms = map[string]func(secret string) string{
	"as it is":   func(s string) string { return s },
	"quoted":     func(s string) string { return strconv.Quote(s) },
	"escaped":    func(s string) string { return url.QueryEscape(s) },
	"in hex":     func(s string) string { return hex.EncodeToString([]byte(s)) },
	"in base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"as numbers": func(s string) string { return fmt.Sprint([]byte(s)) },
	"a part":     func(s string) string { return s[:8] },
}

// The auth of a client is never in the log or in the text of an error of the hook, whatever
// Authorize does with it. The program can still find out which error it was.
func TestAuthIsNeverTold(t *testing.T) {
	const auth = "hunter2\n\x1b\"sesame\xff"
	tests := map[string]func(a *Admission, text string) error{
		"let in":         func(*Admission, string) error { return nil },
		"refused":        func(*Admission, string) error { return errors.New("no") },
		"in an error":    func(_ *Admission, text string) error { return errors.New("bad token " + text) },
		"in an Error":    func(_ *Admission, text string) error { return NewError(1500, "bad token "+text) },
		"around one":     func(_ *Admission, text string) error { return fmt.Errorf("%s: %w", text, NewError(1500, "no")) },
		"in details":     func(_ *Admission, text string) error { return &Error{Code: 1500, Details: text} },
		"in a cause":     func(_ *Admission, text string) error { return wrapError(1500, "no", errors.New(text)) },
		"in time":        func(_ *Admission, text string) error { return fmt.Errorf("%s: %w", text, context.DeadlineExceeded) },
		"in a panic":     func(_ *Admission, text string) error { panic("bad token " + text) },
		"a panicked err": func(_ *Admission, text string) error { panic(errors.New(text)) },
		"a panicked map": func(_ *Admission, text string) error { panic(map[string]string{text: text}) },
		"as the name":    func(a *Admission, _ string) error { a.Name = "\n"; return nil },
	}
	for name, decide := range tests {
		for form, of := range forms {
			t.Run(name+"/"+form, func(t *testing.T) {
				log := &coretest.Log{}
				opts := &ServerOptions{Access: Access{UniqueNames: true, Authorize: func(_ context.Context, a *Admission) error {
					return decide(a, of(string(a.Auth)))
				}}}
				inWorld(t, opts, func(w *world) {
					w.srv.eng.log = newJournal(log)
					w.srv.OnError(func(c *Conn, err error) { log.Error("hook", "err", err) })
					w.srv.OnJoin(func(*Conn) { panic("join") })
					w.srv.OnLeave(func(_ *Conn, why error) { log.Error("hook", "why", why); panic("leave") })
					w.srv.OnBytes("fail", func(context.Context, *Conn, []byte) error { panic("fail") })
					w.serve()
					for range 2 { // the name is taken the second time
						p := w.helloOf(&wire.Hello{Name: "ada", Auth: []byte(auth), Groups: []string{"g"}, Metadata: map[string]string{"key": "hunter2"}})
						if p.Want().Kind == wire.KindWelcome {
							p.Send(wire.AppendCommand(nil, "fail", nil))
							p.Send(wire.AppendCommand(nil, "unknown", nil))
						}
					}
					synctest.Wait()
					p := w.helloOf(&wire.Hello{Metadata: map[string]string{"key": auth}}) // the value is not UTF-8
					p.WantRefuse(CodeProtocol, "")
					p = w.peer() // a hello that is not well formed
					p.Send([]byte(wire.Preface + "\x20\x01\x01\x01hunter2-sesame-hunter2-sesame-hu"))
					synctest.Wait()
				})
				told := log.EveryForm()
				require.NotEmpty(t, told)
				for _, of := range forms {
					require.NotContains(t, told, of(auth))
				}
				require.NotContains(t, told, "hunter2")
				require.NotContains(t, told, "sesame")
			})
		}
	}
}

// The same holds for AuthorizeGroup and AuthorizeName.
func TestAuthIsNeverToldLater(t *testing.T) {
	const auth = "hunter2-sesame"
	said := func(c *Conn, how string) error {
		if how == "panic" {
			panic("bad token " + string(c.Auth()))
		}
		return fmt.Errorf("bad token %q", c.Auth())
	}
	log := &coretest.Log{}
	opts := &ServerOptions{
		Access: Access{AuthorizeGroup: func(_ context.Context, c *Conn, group string) error { return said(c, group) }, AuthorizeName: func(_ context.Context, c *Conn, name string) error { return said(c, name) }},
	}
	inWorld(t, opts, func(w *world) {
		w.srv.eng.log = newJournal(log)
		var told kept[error]
		w.srv.OnError(func(_ *Conn, err error) { told.Add(err); log.Error("hook", "err", err) })
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Auth: []byte(auth), Groups: []string{"panic", "plain"}, Retry: Retry{Off: true}, Logger: Silent})
		w.clients = append(w.clients, cl)
		w.join(cl)
		for _, how := range []string{"panic", "plain"} {
			require.Equal(t, CodeUnavailable, CodeOf(cl.Join(w.ctx, how)))
			require.Equal(t, CodeUnavailable, CodeOf(cl.Rename(w.ctx, how)))
		}
		require.Len(t, told.All(), 6)
		require.Contains(t, log.EveryForm(), "an authorizer panicked")
		require.Contains(t, log.EveryForm(), "an authorizer could not decide")
		require.NotContains(t, log.EveryForm(), "hunter2")
	})
}

// A client cannot blank letters in the log by presenting them as its auth.
func TestAuthBlanksNoLog(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(context.Context, *Admission) error { return errors.New("never here") }}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		w.helloOf(&wire.Hello{Name: "ada", Auth: []byte("e")})
		synctest.Wait()
		require.Equal(t, []string{"hisock: the server cannot let a client in addr pipe:1 name ada code unavailable err *errors.errorString"}, w.log.Lines())
	})
}
