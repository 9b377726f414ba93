// Command tictactoe is a game for two players. Without an argument it serves the game to terminals, and at
// http://127.0.0.1:8080 to browsers. With a name as argument it plays in a terminal.
package main

import (
	"bufio"
	"context"
	"embed"
	"flag"
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

// A game is sent to its players. A cell holds a mark, or its number while it is free.
type game struct {
	Cells   []string
	Text    string
	players []*core.Conn
	moves   int // moves so far; 9 if the game is over
}

func (g *game) show(text string) {
	g.Text = text
	for _, p := range g.players {
		p.Send("show", g)
	}
}

func move(_ context.Context, c *core.Conn, cell string) (struct{}, error) {
	g := c.Get("game").(*game)
	turn, free := g.moves%2, len(cell) == 1 && cell >= "1" && cell <= "9" && g.Cells[cell[0]-'1'] == cell
	if len(g.players) < 2 || g.moves == 9 || g.players[turn] != c || !free {
		return struct{}{}, core.NewError(core.CodeApplication, "it is not your turn, or that is not a free cell from 1 to 9")
	}
	g.Cells[cell[0]-'1'], g.moves = "XO"[turn:turn+1], g.moves+1
	text := []string{fmt.Sprintf("%s (%c) is to move", g.players[1-turn].Name(), "XO"[1-turn]), "a draw"}[g.moves/9]
	for _, l := range []string{"123", "456", "789", "147", "258", "369", "159", "357"} {
		if a := g.Cells[l[0]-'1']; a == g.Cells[l[1]-'1'] && a == g.Cells[l[2]-'1'] {
			g.moves, text = 9, c.Name()+" has won"
		}
	}
	g.show(text)
	return struct{}{}, nil
}

func serve(ctx context.Context, site *web.Site) error {
	// With Manual handlers run one at a time, so the game needs no lock.
	srv, err := core.NewServer(&core.ServerOptions{Manual: true, Access: core.Access{UniqueNames: true}})
	if err != nil {
		return err
	}
	g := &game{moves: 9}
	srv.OnJoin(func(c *core.Conn) {
		if len(g.players) == 2 || g.moves == 9 {
			g = &game{Cells: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}}
		}
		c.Set("game", g)
		g.players = append(g.players, c)
		g.show([]string{"waiting for another player", g.players[0].Name() + " (X) is to move"}[len(g.players)-1])
	})
	srv.OnLeave(func(c *core.Conn, _ error) {
		if g := c.Get("game").(*game); g.moves < 9 {
			g.moves = 9
			g.show(c.Name() + " has left")
		}
	})
	core.Handle(srv, "move", move)
	go srv.Run(context.WithoutCancel(ctx))
	return web.Serve(ctx, srv, site)
}

func play(ctx context.Context, site *web.Site) error {
	c, err := core.NewClient(tcp.Dialer(site.TCP, nil), &core.ClientOptions{Name: flag.Arg(0)})
	if err != nil {
		return err
	}
	defer c.Close()
	context.AfterFunc(ctx, func() { c.Close(); os.Exit(0) }) // reading stdin cannot be interrupted
	core.On(c, "show", func(_ context.Context, _ *core.Conn, g game) error {
		_, err := fmt.Printf("%s\n%s\n%s\n%s\n", g.Cells[:3], g.Cells[3:6], g.Cells[6:], g.Text)
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

func ready(urls []string) { log.Print("serving ", urls, ": open it, or start this with your name") }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	site := &web.Site{TCP: "127.0.0.1:6969", HTTP: "127.0.0.1:8080", Build: "bundle", Files: files, Ready: ready}
	run := serve
	if flag.Parse(); flag.NArg() > 0 {
		run = play
	}
	if err := run(ctx, site); err != nil {
		log.Fatal(core.Text(err))
	}
}
