// Command tictactoe is a game for two: without arguments it serves the game, to http://127.0.0.1:8080
// too, and with a name it plays in a terminal.
package main

import (
	"bufio"
	"context"
	"embed"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/web"
)

//go:embed index.html
var files embed.FS

// A game is shown to its players as it is.
type game struct {
	Cells   [9]string
	Text    string
	players []*core.Conn
	moves   int // 9 when it is over
}

func (g *game) show(text string) {
	g.Text = text
	for _, p := range g.players {
		p.Send("show", g)
	}
}

func (g *game) move(c *core.Conn, cell int) error {
	if len(g.players) < 2 || g.moves == 9 || g.players[g.moves%2] != c || cell < 1 || cell > 9 || g.Cells[cell-1] != "" {
		return core.NewError(core.CodeApplication, "it is not your turn, or that is not a free cell from 1 to 9")
	}
	g.Cells[cell-1] = []string{"X", "O"}[g.moves%2]
	g.moves++
	text := []string{g.players[g.moves%2].Name() + " is to move", "a draw"}[g.moves/9]
	for _, l := range []string{"123", "456", "789", "147", "258", "369", "159", "357"} {
		if a := g.Cells[l[0]-'1']; a != "" && a == g.Cells[l[1]-'1'] && a == g.Cells[l[2]-'1'] {
			g.moves, text = 9, c.Name()+" has won"
		}
	}
	g.show(text)
	return nil
}

func serve(ctx context.Context, site *web.Site) error {
	srv, err := core.NewServer(&core.ServerOptions{Manual: true}) // handlers run one at a time: no locks
	if err != nil {
		return err
	}
	next := &game{}
	srv.OnJoin(func(c *core.Conn) {
		g, text := next, "waiting for another player"
		c.Set("game", g)
		if g.players = append(g.players, c); len(g.players) == 2 {
			next, text = &game{}, g.players[0].Name()+" is to move"
		}
		g.show(text)
	})
	srv.OnLeave(func(c *core.Conn, _ error) {
		if g := c.Get("game").(*game); g == next {
			next = &game{}
		} else if g.moves < 9 {
			g.moves = 9
			g.show(c.Name() + " has left")
		}
	})
	core.Handle(srv, "move", func(_ context.Context, c *core.Conn, cell int) (struct{}, error) {
		return struct{}{}, c.Get("game").(*game).move(c, cell)
	})
	go srv.Run(context.WithoutCancel(ctx))
	return web.Serve(ctx, srv, site)
}

func play(ctx context.Context) error {
	c, err := core.NewClient(tcp.Dialer("127.0.0.1:6969", nil), &core.ClientOptions{Name: os.Args[1]})
	if err != nil {
		return err
	}
	core.On(c, "show", func(_ context.Context, _ *core.Conn, g game) error {
		_, err := fmt.Printf("%q\n%q\n%q\n%s\n", g.Cells[:3], g.Cells[3:6], g.Cells[6:], g.Text)
		return err
	})
	err = c.Connect(ctx)
	for in := bufio.NewScanner(os.Stdin); err == nil && in.Scan(); {
		if _, wrong := core.Call[struct{}](ctx, c, "move", in.Text()); wrong != nil {
			fmt.Println(core.Text(wrong))
		}
	}
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) > 1 {
		err = play(ctx)
	} else {
		err = serve(ctx, &web.Site{TCP: "127.0.0.1:6969", HTTP: "127.0.0.1:8080", Build: "bundle", Files: files})
	}
	if err != nil {
		log.Fatal(err)
	}
}
