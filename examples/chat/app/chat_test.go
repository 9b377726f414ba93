package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/internal/exampletest"
)

func TestEveryMessageReachesEverybodyElseOnceAndInOrder(t *testing.T) {
	s := startServer(t)
	names := []string{"ada", "bob", "cleo"}
	people := map[string]*exampletest.Program{
		"ada":  s.joins(t, s.tcp, "ada"),
		"bob":  s.joins(t, s.ws, "bob"),
		"cleo": s.joins(t, s.tcp, "cleo"),
	}
	const each = 50
	typed := make(chan error, len(names))
	for _, name := range names {
		go func() {
			for i := range each {
				if _, err := fmt.Fprintf(people[name].In, "%s says %d\n", name, i); err != nil {
					typed <- err
					return
				}
			}
			typed <- nil
		}()
	}
	for range names {
		require.NoError(t, <-typed)
	}
	for _, name := range names {
		p := people[name]
		require.Eventually(t, func() bool { return len(heard(p)) >= each*(len(names)-1) }, patience, 2*time.Millisecond)
		p.EOF()
		require.Equal(t, exitOK, p.Wait(), p.Err.String())
	}
	for _, name := range names {
		got := make(map[string][]string)
		for _, l := range heard(people[name]) {
			from, text, _ := strings.Cut(l, ": ")
			got[from] = append(got[from], text)
		}
		want := make(map[string][]string)
		for _, from := range names {
			for i := range each {
				if from != name {
					want[from] = append(want[from], fmt.Sprintf("%s says %d", from, i))
				}
			}
		}
		require.Equal(t, want, got, "what %s heard", name)
		require.Empty(t, people[name].Err.String())
	}
}

// heard returns the messages of others.
func heard(p *exampletest.Program) []string {
	var said []string
	for _, l := range p.Out.Lines() {
		if !strings.HasPrefix(l, "* ") && l != "" {
			said = append(said, l)
		}
	}
	return said
}

func TestWhoIsHereAndWhoComesAndGoes(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	require.Equal(t, []string{"* here: ada (you)"}, ada.Out.Lines())
	bob := s.joins(t, s.ws, "bob")
	require.Equal(t, []string{"* here: ada, bob (you)"}, bob.Out.Lines())
	ada.Sees("* bob joined")

	bob.EOF()
	require.Equal(t, exitOK, bob.Wait())
	ada.Sees("* bob left")

	// The name is free at once or very soon. Ada is told once of each client that comes and goes.
	for began := time.Now(); ; require.Less(t, time.Since(began), patience) {
		again := start(t, "-join", s.tcp, "-name", "bob")
		again.EOF()
		if again.Wait() == exitOK {
			break
		}
		require.Contains(t, again.Err.String(), "already")
	}
	require.Eventually(t, func() bool { return len(ada.Out.Lines()) == 5 }, patience, 2*time.Millisecond)
	require.Equal(t, []string{"* here: ada (you)", "* bob joined", "* bob left", "* bob joined", "* bob left"}, ada.Out.Lines())
}

func TestLinesBeforeTheEndAreDelivered(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	for scheme, url := range map[string]string{"tcp": s.tcp, "ws": s.ws} {
		bob := start(t, "-join", url, "-name", "bob "+scheme)
		bob.Say("first\nsecond\r\n\n  \nthe last has no end")
		bob.EOF()
		require.Equal(t, exitOK, bob.Wait(), bob.Err.String())
		ada.Sees("* bob " + scheme + " left")
	}
	for _, scheme := range []string{"tcp", "ws"} {
		var got []string
		for _, l := range heard(ada) {
			if text, ok := strings.CutPrefix(l, "bob "+scheme+": "); ok {
				got = append(got, text)
			}
		}
		require.Equal(t, []string{"first", "second", "the last has no end"}, got)
	}
}

func TestMessagesThatAreNotPassedOn(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	bob := s.joins(t, s.ws, "bob")
	for _, bad := range []string{
		"\x1b[2Jgone", "bell\a", "not UTF-8 \xff", "two\u2028lines",
		strings.Repeat("é", maxText+1), strings.Repeat("x", 3*maxLine),
	} {
		bob.Say(bad)
	}
	longest := strings.Repeat("é", maxText)
	bob.Say(longest)
	ada.Sees("bob: " + longest)
	require.Equal(t, []string{"bob: " + longest}, heard(ada))
	require.Equal(t, []string{
		"chat: not said: the message holds the control character U+001B",
		"chat: not said: the message holds the control character U+0007",
		"chat: not said: the message is not UTF-8",
		"chat: not said: the message holds the control character U+2028",
		"chat: not said: the message has 2001 characters, 1 more than it may have",
		"chat: not said: the line is too long",
	}, bob.Err.Lines())
}

func TestHTMLIsJustText(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	bob := s.joins(t, s.ws, "<b>bob</b>")
	bob.Say("<script>alert(1)</script> & co: \"quoted\"")
	ada.Sees("<b>bob</b>: <script>alert(1)</script> & co: \"quoted\"")
}

func TestTheServerStops(t *testing.T) {
	s := startServer(t)
	people := []*exampletest.Program{s.joins(t, s.tcp, "ada", "-once"), s.joins(t, s.ws, "bob", "-once")}
	cleo := s.joins(t, s.tcp, "cleo")
	s.Stop()
	require.Equal(t, exitOK, s.Wait(), s.Err.String())
	cleo.Sees("* the server has stopped: coming back")
	cleo.EOF()
	require.Equal(t, exitOK, cleo.Wait(), cleo.Err.String())
	for _, p := range people {
		require.Equal(t, exitFail, p.Wait())
		require.Equal(t, "chat: the server has stopped\n", p.Err.String())
	}
}

func TestCtrlCInATerminalLeaves(t *testing.T) {
	s := startServer(t)
	ada := s.joins(t, s.tcp, "ada")
	bob := s.joins(t, s.ws, "bob")
	bob.Stop()
	require.Equal(t, exitOK, bob.Wait())
	require.Empty(t, bob.Err.String())
	ada.Sees("* bob left")
}

// Terminals show it if a client of another program changes its name.
func TestTerminalShowsARename(t *testing.T) {
	s := startServer(t)
	bob := s.joins(t, s.tcp, "bob")
	d, err := newDialer(s.tcp)
	require.NoError(t, err)
	ada := newTestClient(d, &core.ClientOptions{Name: "ada", Logger: core.Silent})
	require.NoError(t, ada.Connect(t.Context()))
	bob.Sees("* ada joined")
	require.Equal(t, core.CodeBadName, core.CodeOf(ada.Rename(t.Context(), "* eve joined")))
	require.NoError(t, ada.Rename(t.Context(), "eve"))
	bob.Sees("* ada is called eve now")
	_, err = core.Call[struct{}](t.Context(), ada, "say", "hello")
	require.NoError(t, err)
	bob.Sees("eve: hello")
	require.NoError(t, ada.Close())
	bob.Sees("* eve left")
}
