//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
)

// A refused client is told the code and message of an Error, and nothing of another error.
func TestAuthorizeRefuses(t *testing.T) {
	secret := errors.New("row 7 of users.db")
	var none *Error
	tests := map[string]struct {
		decide func(ctx context.Context) error
		want   *Error // nil if the client is let in
	}{
		"nil":                   {decide: func(context.Context) error { return nil }},
		"a nil Error":           {decide: func(context.Context) error { return none }},
		"an Error":              {decide: func(context.Context) error { return &Error{Code: 1500, Message: "later", RetryAfter: time.Minute} }, want: &Error{Code: 1500, Message: "later", RetryAfter: time.Minute}},
		"an Error, wrapped":     {decide: func(context.Context) error { return fmt.Errorf("users.db: %w", NewError(1501, "no")) }, want: NewError(1501, "no")},
		"an Error with a cause": {decide: func(context.Context) error { return wrapError(1502, "no", secret) }, want: NewError(1502, "no")},
		"an Error without code": {decide: func(context.Context) error { return NewError(CodeNone, "no") }, want: NewError(CodeUnauthorized, "no")},
		"another error":         {decide: func(context.Context) error { return secret }, want: NewError(CodeUnavailable, "")},
		"a context's error":     {decide: func(context.Context) error { return context.Canceled }, want: NewError(CodeUnavailable, "")},
		"a panic":               {decide: func(context.Context) error { panic(secret) }, want: NewError(CodeUnavailable, "")},
		"an end":                {decide: func(context.Context) error { runtime.Goexit(); return nil }, want: NewError(CodeUnavailable, "")},
		"out of time":           {decide: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, want: NewError(CodeUnavailable, "it took too long to decide")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := &ServerOptions{Access: Access{Authorize: func(ctx context.Context, _ *Admission) error { return tc.decide(ctx) }}}
			inWorld(t, opts, func(w *world) {
				var told kept[error]
				w.srv.OnError(func(c *Conn, err error) {
					if c == nil {
						told.Add(err)
					}
				})
				w.serve()
				cl := w.client("ada")
				err := cl.Connect(w.ctx)
				if tc.want == nil {
					require.NoError(t, err)
					require.NoError(t, cl.Close())
					return
				}
				got, _ := find[*Error](err)
				require.Equal(t, tc.want.Code.String(), got.Code.String())
				require.Equal(t, tc.want.Message, got.Message)
				if tc.want.Code == CodeUnavailable {
					require.GreaterOrEqual(t, got.RetryAfter, laterLeast)
					require.Less(t, got.RetryAfter, laterLeast+laterSpread)
				} else {
					require.Equal(t, tc.want.RetryAfter, got.RetryAfter)
				}
				require.True(t, IsRemote(err))
				synctest.Wait()
				require.Len(t, told.All(), 1)
				require.Equal(t, tc.want.Code.String(), CodeOf(told.All()[0]).String())
				require.Zero(t, w.srv.Len())
			})
		})
	}
}

// The error hook gets the whole error. The log has only its type: its text may hold Auth.
func TestAuthorizeDetail(t *testing.T) {
	why := fmt.Errorf("users.db: %w", &net.AddrError{Err: "row 7", Addr: "10.0.0.7"})
	inWorld(t, &ServerOptions{Access: Access{Authorize: func(context.Context, *Admission) error { return why }}}, func(w *world) {
		var told kept[error]
		w.srv.OnError(func(_ *Conn, err error) { told.Add(err) })
		w.serve()
		require.Error(t, w.client("ada").Connect(w.ctx))
		synctest.Wait()
		require.ErrorIs(t, told.All()[0], why)
		require.NotContains(t, told.All()[0].Error(), "row 7")
		log := fmt.Sprint(w.log.Lines())
		require.Contains(t, log, "the server cannot let a client in addr pipe:1 name ada code unavailable err *fmt.wrapError: *net.AddrError")
		require.NotContains(t, log, "row 7")
	})
}

// Authorize is told everything about a client. Its changes hold at both ends.
func TestAuthorizeChanges(t *testing.T) {
	type key struct{}
	opts := &ServerOptions{Access: Access{UniqueNames: true}}
	opts.Access.Authorize = func(_ context.Context, a *Admission) error {
		if a.Name != "ada" || a.Asked != "ada" || string(a.Auth) != "token" || a.Metadata["lang"] != "en" ||
			a.Info.Transport != "pipe" || a.Classic || fmt.Sprint(a.Groups) != "[b a]" {
			return fmt.Errorf("got %+v", a)
		}
		a.Name, a.Groups = "ada.l", []string{"z", "a", "z"}
		a.Set(key{}, 7)
		a.Set("role", "admin")
		return nil
	}
	inWorld(t, opts, func(w *world) {
		var joined kept[string]
		w.srv.OnJoin(func(c *Conn) {
			joined.Add(fmt.Sprint(c.Name(), c.Groups(), c.Get(key{}), c.Get("role"), c.Get("other")))
		})
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true},
			Name: "ada", Groups: []string{"b", "a"}, Auth: []byte("token"), Metadata: map[string]string{"lang": "en"},
		})
		w.join(cl)
		require.Equal(t, []string{"ada.l[a z] 7admin<nil>"}, joined.All())
		require.Equal(t, "ada.l", cl.Name())
		require.Equal(t, []string{"a", "z"}, cl.Groups())
		require.Nil(t, cl.Conn().Get("role"), "the client's end has none")
		require.Equal(t, []string{"ada.l"}, w.srv.Names())
		require.Equal(t, 1, w.srv.Group("z").Len())
		require.Zero(t, w.srv.Group("b").Len())
		require.NoError(t, cl.Close())
	})
}

// Authorize cannot give a client a name or group that no client may have.
func TestAuthorizeGivesNonsense(t *testing.T) {
	tests := map[string]func(a *Admission){
		"name":            func(a *Admission) { a.Name = "a\nb" },
		"name too long":   func(a *Admission) { a.Name = string(make([]byte, 200)) },
		"group":           func(a *Admission) { a.Groups = []string{""} },
		"too many groups": func(a *Admission) { a.Groups = []string{"a", "b", "c"} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			opts := &ServerOptions{Limits: Limits{MaxGroups: 2}, Access: Access{Authorize: func(_ context.Context, a *Admission) error { change(a); return nil }}}
			inWorld(t, opts, func(w *world) {
				w.serve()
				err := w.client("ada").Connect(w.ctx)
				require.Equal(t, CodeInternal.String(), CodeOf(err).String())
				synctest.Wait()
				require.Contains(t, fmt.Sprint(w.log.Lines()), "Authorize gave an invalid name or group")
			})
		})
	}
}

// A slow Authorize delays no other client. Shutdown does not wait for it.
func TestAuthorizeSlow(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Hello: time.Minute}}
	opts.Access.Authorize = func(ctx context.Context, a *Admission) error {
		if a.Name == "slow" {
			<-ctx.Done()
		}
		return ctx.Err()
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		start := time.Now()
		slow := w.helloOf(&wire.Hello{Name: "slow"})
		synctest.Wait()
		w.join(w.client("ada"))
		require.Zero(t, time.Since(start))
		slow.WantRefuse(CodeUnavailable, "")
		require.Equal(t, time.Minute, time.Since(start))

		slow = w.helloOf(&wire.Hello{Name: "slow"})
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- w.srv.Shutdown(w.ctx) }()
		slow.WantRefuse(CodeShutdown, "")
		require.NoError(t, <-ended)
		require.Less(t, time.Since(start), time.Minute+5*time.Second)
		require.Zero(t, w.srv.gate.Counts().Deciding)
	})
}

// Authorize may end the newcomer's goroutine. Nothing of the newcomer is left.
func TestAuthorizeGoexit(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(context.Context, *Admission) error { runtime.Goexit(); return nil }}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada"})
		p.WantRefuse(CodeUnavailable, "")
		synctest.Wait()
		require.Contains(t, fmt.Sprint(w.log.Lines()), "ended its goroutine")
		require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
	})
}

func TestReservedNames(t *testing.T) {
	opts := &ServerOptions{Access: Access{ReservedNames: []string{"Admin", "Straße"}}}
	inWorld(t, opts, func(w *world) {
		opts.Access.ReservedNames[0] = "nobody" // no effect: options are copied
		w.serve()
		for _, name := range []string{"Admin", "admin", "ADMIN", "STRAßE"} {
			w.helloOf(&wire.Hello{Name: name}).WantRefuse(CodeNameTaken, "")
			require.Equal(t, CodeNameTaken, w.srv.nameAllowed(name).Code)
		}
		for _, name := range []string{"admin\u200b", "\u2800Admin", "admin ", "ad\u00admin", "ADMIN\ufe0f"} { // names that look the same
			w.helloOf(&wire.Hello{Name: name}).WantRefuse(CodeBadName, "")
		}
		for _, name := range []string{"", "administrator", "nobody"} {
			require.Nil(t, w.srv.nameAllowed(name))
			cl := w.join(w.client(name))
			require.NoError(t, cl.Close())
		}
	})
}

// Only Authorize can give a client a reserved name.
func TestReservedNamesGiven(t *testing.T) {
	opts := &ServerOptions{Access: Access{ReservedNames: []string{"admin"}}}
	opts.Access.Authorize = func(_ context.Context, a *Admission) error {
		switch string(a.Auth) {
		case "root":
			a.Name = a.Asked
		case "give":
			a.Name = "admin"
		case "":
			return NewError(CodeUnauthorized, "")
		}
		return nil
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		tests := map[string]struct {
			name, auth string
			want       string
			code       Code
		}{
			"granted":                   {name: "admin", auth: "root", want: "admin"},
			"given without asking":      {name: "ada", auth: "give", want: "admin"},
			"let in, but not with that": {name: "Admin", auth: "user", code: CodeNameTaken},
			"not let in at all":         {name: "admin", auth: "", code: CodeUnauthorized},
			"another name":              {name: "ada", auth: "user", want: "ada"},
		}
		for name, tc := range tests {
			cl := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: tc.name, Auth: []byte(tc.auth)})
			err := cl.Connect(w.ctx)
			require.Equal(t, tc.code.String(), CodeOf(err).String(), name)
			if err == nil {
				require.Equal(t, tc.want, cl.Name(), name)
			}
			require.NoError(t, cl.Close())
		}
	})
}

// A refused client cannot find out who is there, which names are reserved and which groups exist:
// all refusals have the same bytes.
func TestRefusalsRevealNobody(t *testing.T) {
	opts := &ServerOptions{Access: Access{UniqueNames: true, ReservedNames: []string{"admin"}}}
	opts.Access.Authorize = func(_ context.Context, a *Admission) error {
		if !a.AuthIs([]byte("open sesame")) {
			return NewError(CodeUnauthorized, "")
		}
		return nil
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: "ada", Groups: []string{"chat"}, Auth: []byte("open sesame")})
		w.join(ada)
		var said []string
		for _, h := range []*wire.Hello{
			{Name: "ada"}, {Name: "admin"}, {Name: "nobody"}, {}, {Groups: []string{"chat"}}, {Groups: []string{"none"}},
			{Auth: []byte("open sesamf")}, {Auth: []byte("o")}, {Auth: make([]byte, 4000)},
		} {
			p := w.helloOf(h)
			f := p.Want()
			require.Equal(t, wire.KindRefuse, f.Kind)
			said = append(said, string(f.Body))
			p.WantEnd()
		}
		for _, s := range said {
			require.Equal(t, said[0], s)
		}

		// A client that is let in cannot tell a reserved name from a taken one.
		got := func(name string) string {
			return w.helloOf(&wire.Hello{Name: name, Auth: []byte("open sesame")}).WantRefuse(CodeNameTaken, "").Reason
		}
		require.Equal(t, "the name ada is taken", got("ada"))
		require.Equal(t, "the name admin is taken", got("admin"))
		require.NoError(t, ada.Close())
	})
}
