package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/web"
)

// A table is a server of games over connections in memory.
type table struct{ *transport.PipeListener }

func newTable(t *testing.T) table {
	l := transport.NewPipeListener()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- serve(ctx, &web.Site{Listeners: []transport.Listener{l}, Ready: func([]string) { close(ready) }})
	}()
	<-ready
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return table{l}
}

// A player is one of the two players, with a record of the games that it is shown.
type player struct {
	*core.Client
	shown chan game
}

func (l table) join(t *testing.T, name string) player {
	c, err := core.NewClient(l, &core.ClientOptions{Name: name, Logger: core.Silent})
	require.NoError(t, err)
	p := player{c, make(chan game, 100)}
	core.On(c, "show", func(_ context.Context, _ *core.Conn, g game) error {
		p.shown <- g
		return nil
	})
	require.NoError(t, c.Connect(t.Context()))
	return p
}

// sees waits until the player is shown a game with this text.
func (p player) sees(t *testing.T, text string) string {
	g := <-p.shown
	require.Equal(t, text, g.Text)
	return strings.Join(g.Cells, "")
}

func (p player) move(t *testing.T, cell string) error {
	_, err := core.Call[struct{}](t.Context(), p, "move", cell)
	return err
}

func TestGames(t *testing.T) {
	tests := map[string]struct{ moves, text, cells string }{
		"a row":       {"1 4 2 5 3", "ada has won", "XXXOO6789"},
		"a column":    {"1 2 4 3 7", "ada has won", "XOOX56X89"},
		"a diagonal":  {"1 2 5 3 9", "ada has won", "XOO4X678X"},
		"the other":   {"3 1 5 2 7", "ada has won", "OOX4X6X89"},
		"the second":  {"1 4 2 5 9 6", "bob has won", "XX3OOO78X"},
		"the last":    {"1 2 6 3 7 4 8 5 9", "ada has won", "XOOOOXXXX"},
		"a draw":      {"1 2 3 5 4 6 8 7 9", "a draw", "XOXXOOOXX"},
		"not decided": {"1 2", "ada (X) is to move", "XO3456789"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := newTable(t)
			ada := l.join(t, "ada")
			ada.sees(t, "waiting for another player")
			require.Error(t, ada.move(t, "1"), "alone")
			bob := l.join(t, "bob")
			players := []player{ada, bob}
			ada.sees(t, "ada (X) is to move")
			bob.sees(t, "ada (X) is to move")
			moves, cells := strings.Fields(tc.moves), ""
			for i, cell := range moves {
				mine, other := players[i%2], players[1-i%2]
				require.Error(t, other.move(t, cell), "it is not its turn")
				for _, wrong := range []string{"0", "10", "-1", "x", "X", "O", "/", "\xff", ""} {
					require.Error(t, mine.move(t, wrong))
				}
				require.NoError(t, mine.move(t, cell))
				require.Error(t, other.move(t, cell), "it is not free")
				text := tc.text
				if i < len(moves)-1 {
					text = []string{"bob (O)", "ada (X)"}[i%2] + " is to move"
				}
				cells = mine.sees(t, text)
				require.Equal(t, cells, other.sees(t, text))
			}
			require.Equal(t, tc.cells, cells)
		})
	}
}

// A player sees that the other one has left. The next two players get a new game.
func TestLeaving(t *testing.T) {
	l := newTable(t)
	alone := l.join(t, "alone")
	alone.sees(t, "waiting for another player")
	alone.Close()
	<-alone.Done()
	ada := l.join(t, "ada")
	for (<-ada.shown).Text != "waiting for another player" { // the server has not heard of the end yet
		ada.Close()
		ada = l.join(t, "ada")
	}
	bob := l.join(t, "bob")
	bob.sees(t, "ada (X) is to move")
	ada.sees(t, "ada (X) is to move")
	ada.Close()
	bob.sees(t, "ada has left")
	require.Error(t, bob.move(t, "1"))
	l.join(t, "eve").sees(t, "waiting for another player")
}

// The game for terminals and pages, with its server, has less than 100 lines of Go, as the README
// promises.
func TestItIsShort(t *testing.T) {
	src, err := os.ReadFile("main.go")
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^\s*[^\s/].*$`).FindAll(src, -1)
	require.Less(t, len(lines), 100)
}
