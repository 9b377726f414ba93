// Package app is the chat for terminals and browsers: its server, its terminal client and its page.
//
// The server speaks hisock over TCP and over WebSocket, and serves the page. The page runs the engine in JavaScript, or
// with ?engine=wasm in its address the Go program. room.go lists the messages.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// The exit codes of the program.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

// options are the program's flags.
type options struct {
	tcp, http string // addresses to listen on; empty means not to listen
	bundle    string // folder of a bundle that has been built
	build     string // folder in which to build a bundle
	join      string // URL of a server to join
	name      string
	once      bool
}

// Run is the program. It returns the exit code when ctx ends or its work is done.
// In a terminal client one goroutine goes on reading stdin until stdin ends.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said why
	}
	switch {
	case o.join != "":
		err = join(ctx, o.join, o.name, o.once, stdin, stdout, stderr)
	case o.build != "":
		err = build(ctx, o.build, stderr)
	default:
		err = serve(ctx, o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "chat:", err)
		return exitFail
	}
	return exitOK
}

// parse reads the flags. It writes an error to stderr too.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.tcp, "tcp", "127.0.0.1:6969", "`address` for terminal clients; empty for none")
	flags.StringVar(&o.http, "http", "127.0.0.1:8080", "`address` for the page and its WebSocket; empty for none")
	flags.StringVar(&o.bundle, "bundle", "", "serve the browser bundle in `DIR` instead of building one")
	flags.StringVar(&o.build, "build", "", "build the browser bundle into `DIR` and end")
	flags.StringVar(&o.join, "join", "", "join the chat at `URL` (tcp, tls, ws or wss) from this terminal")
	flags.StringVar(&o.name, "name", "", "your `name` in the chat, with -join")
	flags.BoolVar(&o.once, "once", false, "end with the connection instead of coming back, with -join")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.check(flags.Args(), given); err != nil {
		fmt.Fprintf(stderr, "chat: %v\nRun chat -help for the flags.\n", err)
		return o, err
	}
	return o, nil
}

// check fails for flags that do not fit together, so that no flag is silently ignored.
func (o *options) check(rest []string, given map[string]bool) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	mode, takes := "the server", map[string]bool{"tcp": true, "http": true, "bundle": true}
	switch {
	case given["join"]:
		mode, takes = "-join", map[string]bool{"join": true, "name": true, "once": true}
	case given["build"]:
		mode, takes = "-build", map[string]bool{"build": true}
	}
	for _, name := range []string{"tcp", "http", "bundle", "build", "name", "once"} {
		if given[name] && !takes[name] {
			return fmt.Errorf("-%s has no meaning for %s", name, mode)
		}
	}
	switch {
	case given["build"] && o.build == "":
		return errors.New("-build needs a folder")
	case given["bundle"] && o.bundle == "":
		return errors.New("-bundle needs a folder")
	case given["join"] && o.join == "":
		return errors.New("-join needs a URL such as tcp://127.0.0.1:6969")
	case given["join"] && o.name == "":
		return errors.New("-join needs -name, your name in the chat")
	case o.tcp == "" && o.http == "":
		return errors.New("-tcp and -http are both empty: there is nothing to listen on")
	}
	return nil
}
