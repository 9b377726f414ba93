// Command files serves a folder to terminals and browsers, which send files to it and fetch files from it.
//
//	files                                            serve the folder "shared", and a page
//	files -at tcp://127.0.0.1:6970 list              list its files
//	files -at tcp://127.0.0.1:6970 put holiday.mp4   send a file
//	files -at tcp://127.0.0.1:6970 get holiday.mp4   fetch a file
//
// A file of any size takes the same memory. If the client or the server stops, the same command goes on where it was.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit codes of the program.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal ends the program in order, a second one at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options are the program's flags.
type options struct {
	dir       string // folder to serve
	tcp, http string // addresses to listen on; empty means not to listen
	most      int64  // bytes that an uploaded file may have
	bundle    string // folder of a browser bundle that has been built; empty to build one

	at   string   // URL of a server; empty to serve
	args []string // what to do there
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said why
	case o.at == "":
		err = serve(ctx, o, stdout, stderr)
	default:
		err = visit(ctx, o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "files:", strings.TrimPrefix(err.Error(), "files: ")) // package files says so too
		return exitFail
	}
	return exitOK
}

const usage = "list, put FILE [NAME], or get NAME [FILE]"

// parse reads the flags. It writes an error to stderr too.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("files", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "shared", "`folder` to serve; it is made if it is not there")
	flags.StringVar(&o.tcp, "tcp", "127.0.0.1:6970", "`address` for clients over TCP; empty for none")
	flags.StringVar(&o.http, "http", "127.0.0.1:8081", "`address` for the page and its WebSocket; empty for none")
	flags.StringVar(&o.bundle, "bundle", "", "serve the browser bundle in `DIR` instead of building one")
	flags.Int64Var(&o.most, "most", 10<<30, "how many `bytes` a file may have that clients send")
	flags.StringVar(&o.at, "at", "", "do something at the server at `URL` (tcp or ws): "+usage)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.args = flags.Args()
	serving := false
	flags.Visit(func(f *flag.Flag) { serving = serving || f.Name != "at" })
	if err := o.check(serving); err != nil {
		fmt.Fprintf(stderr, "files: %v\nRun files -help for the flags.\n", err)
		return o, err
	}
	return o, nil
}

// check fails for flags and arguments that do not fit together. serving is whether there are flags of a server.
func (o *options) check(serving bool) error {
	if o.at == "" {
		switch {
		case len(o.args) > 0:
			return fmt.Errorf("%q needs -at, the URL of a server", o.args[0])
		case o.tcp == "" && o.http == "":
			return errors.New("-tcp and -http are both empty: there is nothing to listen on")
		case o.most < 0:
			return errors.New("-most cannot be negative")
		}
		return nil
	}
	if serving {
		return errors.New("with -at there are no flags of a server")
	}
	n := len(o.args)
	if n == 1 && o.args[0] == "list" || (n == 2 || n == 3) && (o.args[0] == "put" || o.args[0] == "get") {
		return nil
	}
	return errors.New("say what to do: " + usage)
}
