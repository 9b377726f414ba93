//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

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

// Time is not measured here: what makes it constant is that nothing but digests of one size are
// compared, by what package crypto has for that.
func TestAuthIsComparesDigests(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "authorize_notjs.go", nil, 0)
	require.NoError(t, err)
	var calls []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "sameSecret" {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				require.True(t, ok)
				calls = append(calls, fmt.Sprint(s.X, ".", s.Sel))
			case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt:
				require.Fail(t, "a branch could depend on the secret")
			}
			return true
		})
	}
	require.ElementsMatch(t, []string{"sha256.Sum256", "sha256.Sum256", "subtle.ConstantTimeCompare"}, calls)
}

// collector keeps every word that is logged, at every level.
type collector struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *collector) add(args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range args {
		fmt.Fprintf(&l.all, "%v %+v %q\n", a, a, a)
		if err, ok := a.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&l.all, "%v\n", err)
			}
		}
	}
}

func (l *collector) Debug(msg string, args ...any) { l.add(append(args, msg)...) }
func (l *collector) Info(msg string, args ...any)  { l.add(append(args, msg)...) }
func (l *collector) Warn(msg string, args ...any)  { l.add(append(args, msg)...) }
func (l *collector) Error(msg string, args ...any) { l.add(append(args, msg)...) }

// The auth of a client is in no log and reaches no error hook, whatever becomes of it, also
// when Authorize puts it into its error.
func TestAuthIsNeverTold(t *testing.T) {
	const auth = "hunter2-sesame"
	tests := map[string]func(a *Admission) error{
		"let in":      func(*Admission) error { return nil },
		"refused":     func(*Admission) error { return errors.New("no") },
		"in an error": func(a *Admission) error { return fmt.Errorf("bad token %s", a.Auth) },
		"quoted":      func(a *Admission) error { return fmt.Errorf("bad token %q\n", a.Auth) },
		"in an Error": func(a *Admission) error { return NewError(1500, "bad token "+string(a.Auth)) },
		"in a cause": func(a *Admission) error {
			return wrapError(1500, "no", fmt.Errorf("token %s: %w", a.Auth, errors.New("x")))
		},
		"in a panic":     func(a *Admission) error { panic("bad token " + string(a.Auth)) },
		"a panicked err": func(a *Admission) error { panic(fmt.Errorf("bad token %s", a.Auth)) },
		"as the name":    func(a *Admission) error { a.Name = "\n"; return nil },
	}
	for name, decide := range tests {
		t.Run(name, func(t *testing.T) {
			log := &collector{}
			opts := &ServerOptions{UniqueNames: true, Authorize: func(_ context.Context, a *Admission) error { return decide(a) }}
			inWorld(t, opts, func(w *world) {
				w.srv.eng.log = log
				w.srv.OnError(func(c *Conn, err error) { log.add(err) })
				w.srv.OnJoin(func(*Conn) { panic("join") })
				w.srv.OnLeave(func(_ *Conn, why error) { log.add(why); panic("leave") })
				w.srv.OnBytes("fail", func(context.Context, *Conn, []byte) error { panic("fail") })
				w.serve()
				for range 2 { // the name is taken the second time
					p := w.helloOf(&wire.Hello{Name: "ada", Auth: []byte(auth), Groups: []string{"g"}})
					if p.want().Kind == wire.KindWelcome {
						p.send(wire.AppendCommand(nil, "fail", nil))
						p.send(wire.AppendCommand(nil, "unknown", nil))
					}
				}
				synctest.Wait()
				p := w.peer() // a hello that is not well formed
				p.send([]byte(wire.Preface + "\x20\x01\x01\x01" + auth + auth))
				synctest.Wait()
			})
			require.NotEmpty(t, log.all.String())
			require.NotContains(t, log.all.String(), auth)
		})
	}
}

// A classic client is asked about as any other, with empty Auth.
func TestAuthorizeClassic(t *testing.T) {
	var asked kept[string]
	opts := &ServerOptions{Authorize: func(_ context.Context, a *Admission) error {
		asked.add(fmt.Sprint(a.Asked, a.Groups, len(a.Auth), a.Classic))
		if a.Name == "ada" {
			a.Groups = nil
			return nil
		}
		return errors.New("no")
	}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada, bob := w.knock(), w.knock()
		ada.send(oldFrames(`{"name": "ada", "group": "chat"}`))
		synctest.Wait()
		bob.send(oldFrames(`{"name": "bob", "group": null}`))
		synctest.Wait()
		require.Equal(t, []string{"ada[chat] 0 true", "bob[] 0 true"}, asked.all())
		require.Equal(t, []string{"ada"}, w.srv.Names())
		require.Empty(t, w.srv.Groups())
	})
}
