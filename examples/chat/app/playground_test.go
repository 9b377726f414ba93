package app

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/ws"
)

// visit returns a client of the playground, which has not connected yet.
func visit(t *testing.T, s *chatServer, opts core.ClientOptions) *core.Client {
	t.Helper()
	opts.Logger = core.Silent
	cl := newTestClient(ws.Dialer("ws"+strings.TrimPrefix(s.http, "http")+"/playground/ws", nil), &opts)
	t.Cleanup(func() { cl.Close() })
	return cl
}

// visits is visit for a client that has connected.
func visits(t *testing.T, s *chatServer, opts core.ClientOptions) *core.Client {
	t.Helper()
	cl := visit(t, s, opts)
	require.NoError(t, cl.Connect(t.Context()))
	return cl
}

func TestPlaygroundPages(t *testing.T) {
	s := startServer(t)
	s.serves(t, map[string]response{
		"page":                {"GET", "/playground", 200, "text/html; charset=utf-8"},
		"script":              {"GET", "/playground/main.js", 200, "text/javascript; charset=utf-8"},
		"style":               {"GET", "/playground/playground.css", 200, "text/css; charset=utf-8"},
		"nothing":             {"GET", "/playground/nothing.js", 404, "text/plain; charset=utf-8"},
		"the page's own name": {"GET", "/playground/index.html", 404, "text/plain; charset=utf-8"},
		"the folder":          {"GET", "/playground/", 404, "text/plain; charset=utf-8"},
		"posting":             {"POST", "/playground", 405, "text/plain; charset=utf-8"},
		"no upgrade":          {"GET", "/playground/ws", 426, "text/plain; charset=utf-8"},
	})
}

// The policy forbids inline scripts and styles, so an inline one would silently not work.
func TestThePlaygroundHoldsNothingInline(t *testing.T) {
	p, err := newPlayground("ws", nil)
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, httptest.NewRequest("GET", "/playground", nil))
	html := rec.Body.String()
	require.NotRegexp(t, `<style|\sstyle=|\son[a-z]+=|javascript:`, html)
	require.NotRegexp(t, `<script[^>]*>[^<]`, html)
	for _, url := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		require.True(t, strings.HasPrefix(url[1], "/"), url[1])
	}
	script, err := page.ReadFile("page/playground/streams.js")
	require.NoError(t, err)
	require.Contains(t, string(script), "most: "+strconv.Itoa(maxTicks))
	require.Contains(t, string(script), "most: "+strconv.Itoa(maxMirror>>10))
}

func TestPlaygroundCalls(t *testing.T) {
	s := startServer(t)
	cl := visit(t, s, core.ClientOptions{})
	core.Handle(cl, "question", func(_ context.Context, _ *core.Conn, question string) (string, error) { return question + " Yes.", nil })
	require.NoError(t, cl.Connect(t.Context()))

	echo, err := cl.CallBytes(t.Context(), "echo", []byte{0, 255})
	require.NoError(t, err)
	require.Equal(t, []byte{0, 255}, echo)

	answer, err := core.Call[string](t.Context(), cl, "ask", "Is it there?")
	require.NoError(t, err)
	require.Equal(t, "Is it there? Yes.", answer)

	answer, err = core.Call[string](t.Context(), cl, "slow", -1)
	require.NoError(t, err)
	require.Equal(t, "here it is, 0s later", answer)

	_, err = core.Call[string](t.Context(), cl, "slow", "soon")
	require.Equal(t, core.CodeBadPayload, core.CodeOf(err), "%v", err)

	_, err = core.Call[string](t.Context(), cl, "ask", strings.Repeat("?", maxWords+1))
	require.Equal(t, core.CodeTooBig, core.CodeOf(err), "%v", err)

	_, err = core.Call[struct{}](t.Context(), cl, "fail", nil)
	var why *core.Error
	require.ErrorAs(t, err, &why)
	require.Equal(t, codeSoldOut, why.Code)
	require.Equal(t, 2*time.Second, why.RetryAfter)
	details, err := core.Details[map[string]int](err)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"left": 0}, details)

	// A call that is given up ends at the server too, whose handlers would otherwise be all taken.
	for range 2 * playgroundOptions(nil).Limits.MaxCalls {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := core.Call[string](ctx, cl, "slow", 10_000)
			failed <- err
		}()
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
	}
	_, err = core.Call[string](t.Context(), cl, "slow", 0)
	require.NoError(t, err)
}

func TestPlaygroundStreams(t *testing.T) {
	s := startServer(t)
	cl := visits(t, s, core.ClientOptions{})

	n := 0
	for tick, err := range core.Stream[tick](t.Context(), cl, "ticks", pace{Count: 5}) {
		require.NoError(t, err)
		n++
		require.Equal(t, n, tick.N)
	}
	require.Equal(t, 5, n)

	total, err := core.Upload[float64](t.Context(), cl, "sum", nil, slices.Values([]float64{1, 2, 3.5}))
	require.NoError(t, err)
	require.InDelta(t, 6.5, total, 0)
	_, err = core.Upload[float64](t.Context(), cl, "sum", nil, slices.Values([]float64{1e308, 1e308}))
	require.Equal(t, core.CodeBadPayload, core.CodeOf(err), "%v", err)
	_, err = core.Upload[float64](t.Context(), cl, "sum", nil, slices.Values([]string{"one"}))
	require.Equal(t, core.CodeBadPayload, core.CodeOf(err), "%v", err)

	var loud []string
	for text, err := range core.Exchange[string](t.Context(), cl, "shout", nil, slices.Values([]string{"a", "é"})) {
		require.NoError(t, err)
		loud = append(loud, text)
	}
	require.Equal(t, []string{"A", "É"}, loud)

	for size, want := range map[int]core.Code{maxMirror: core.CodeNone, maxMirror + 1: core.CodeTooBig} {
		b, err := core.OpenByteStream(t.Context(), cl, "mirror", nil)
		require.NoError(t, err)
		sent := bytes.Repeat([]byte("hisock"), size/6+1)[:size]
		written := make(chan struct{})
		go func() {
			defer close(written)
			b.Write(sent)  //nolint:errcheck // the reader is told
			b.CloseWrite() //nolint:errcheck
		}()
		back, err := io.ReadAll(b)
		<-written
		require.NoError(t, b.Close())
		require.Equal(t, want, core.CodeOf(err), "%d B: %v", size, err)
		if err == nil {
			require.True(t, bytes.Equal(sent, back))
		}
	}
}

func TestPlaygroundGroups(t *testing.T) {
	s := startServer(t)
	said := make(chan words, 4)
	hear := func(opts core.ClientOptions) *core.Client {
		cl := visit(t, s, opts)
		core.On(cl, "said", func(_ context.Context, _ *core.Conn, w words) error { said <- w; return nil })
		require.NoError(t, cl.Connect(t.Context()))
		return cl
	}
	ada := hear(core.ClientOptions{Name: "ada", Groups: []string{"tea", closedGroup}})
	require.Equal(t, []string{"tea"}, ada.Groups())
	hear(core.ClientOptions{Name: "ada", Groups: []string{"tea"}}) // names need not be unique

	require.NoError(t, ada.Send("say", words{From: "eve", Text: "hello"}))
	require.Equal(t, words{From: "ada", Text: "hello"}, <-said)
	require.NoError(t, ada.Send("say", words{Group: "cake", Text: "not a member"}))
	require.NoError(t, ada.Send("say", words{Group: "tea", Text: "hello"}))
	for range 2 {
		require.Equal(t, words{From: "ada", Group: "tea", Text: "hello"}, <-said)
	}
	require.Empty(t, said)

	require.NoError(t, ada.Rename(t.Context(), "grace"))
	require.NoError(t, ada.Join(t.Context(), "cake"))
	require.Equal(t, core.CodeUnauthorized, core.CodeOf(ada.Join(t.Context(), closedGroup)))

	err := visit(t, s, core.ClientOptions{Auth: []byte(wrongAuth)}).Connect(t.Context())
	require.Equal(t, core.CodeUnauthorized, core.CodeOf(err), "%v", err)
	visits(t, s, core.ClientOptions{Auth: []byte("anything else")})
}

// The client whose line is cut goes on with its session, and no other client notices.
func TestPlaygroundCutsOneLine(t *testing.T) {
	s := startServer(t)
	type seen struct {
		*core.Client
		states chan core.State
	}
	watched := func() seen {
		states := make(chan core.State, 16)
		cl := visit(t, s, core.ClientOptions{Retry: core.Retry{Min: time.Millisecond, Max: time.Millisecond}})
		cl.OnState(func(state core.State, _ error) { states <- state })
		require.NoError(t, cl.Connect(t.Context()))
		return seen{cl, states}
	}
	ada, bob := watched(), watched()
	next := 1
	for tick, err := range core.Stream[tick](t.Context(), ada, "ticks", pace{Count: 40}) {
		require.NoError(t, err)
		require.Equal(t, next, tick.N)
		if next++; next%10 == 0 {
			require.NoError(t, ada.Send("cut", nil))
		}
	}
	require.Equal(t, 41, next)
	_, err := ada.CallBytes(t.Context(), "echo", nil)
	require.NoError(t, err)
	_, err = bob.CallBytes(t.Context(), "echo", nil)
	require.NoError(t, err)
	require.Contains(t, drain(ada.states), core.StateResumed)
	require.Equal(t, []core.State{core.StateConnected}, drain(bob.states))
}

// drain returns the states that wait in a channel.
func drain(states chan core.State) (all []core.State) {
	for len(states) > 0 {
		all = append(all, <-states)
	}
	return all
}

// Whatever goes on in the playground, the chat has its own clients, names and handlers.
func TestThePlaygroundIsNotTheChat(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	visitor := visits(t, s, core.ClientOptions{Name: "ada", Groups: []string{group}})
	require.NoError(t, visitor.Send("say", words{Group: group, Text: "hello"}))
	_, err := core.Call[struct{}](t.Context(), visitor, "say", "hello")
	require.Equal(t, core.CodeUnknownCommand, core.CodeOf(err), "%v", err)
	require.NoError(t, visitor.Close())
	bob := s.joins(t, s.ws, "bob")
	require.Equal(t, []string{"* here: ada, bob (you)"}, bob.Out.Lines())
	ada.Sees("* bob joined")
	require.Equal(t, []string{"* here: ada (you)", "* bob joined"}, ada.Out.Lines())
}

// A visitor that sends too fast has to wait, and its frames cost no more than that.
func TestPlaygroundBoundsTheRate(t *testing.T) {
	s := startServer(t)
	cl := visits(t, s, core.ClientOptions{Retry: core.Retry{Off: true}})
	for range 3 * playgroundOptions(nil).Limits.FrameRate {
		if cl.SendRaw([]byte("x")) != nil {
			break
		}
	}
	<-cl.Done()
	require.Equal(t, core.CodeRateLimit, core.CodeOf(cl.Err()), "%v", cl.Err())
}
