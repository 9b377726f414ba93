// Command basic is the counterpart of the two example programs of the original, the Python
// package hisock: a server that greets each client, and a client that answers the greeting
// with an expression to compute.
//
//	basic server              asks for an address and a port
//	basic client              asks for an address, a port, a name and a group
//	basic client -classic     the same, for a server written in Python
//
// The server needs no flag for clients written in Python. These are the messages:
//
//	client   joins
//	server   command hello_message, the time as seconds since 1970: "1632150000.25"
//	client   command processing1, an expression: "randnum**2"
//	server   raw message, the result: "1764", or an error: "error: division by zero"
//
// The last two are repeated for each expression that is typed at the client.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of the program.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

const usage = `usage: basic server
       basic client [-classic]
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the program in order, a second one at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program. It returns the exit code when ctx ends or its work is done.
// One goroutine goes on reading stdin until stdin ends.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	mode, classic, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said why
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	term := newTerminal(reading, stdin, stdout, stderr)
	if mode == "server" {
		err = serve(ctx, term)
	} else {
		err = join(ctx, term, classic)
	}
	if err != nil && ctx.Err() == nil {
		term.complain("%s", plain(err.Error()))
		return exitFail
	}
	return exitOK
}

// parse reads the arguments. It writes an error to stderr too.
func parse(args []string, stderr io.Writer) (mode string, classic bool, err error) {
	flags := flag.NewFlagSet("basic", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	if len(args) > 0 {
		mode = args[0]
		if mode == "server" || mode == "client" {
			args = args[1:]
		}
	}
	if mode == "client" {
		flags.BoolVar(&classic, "classic", false, "")
	}
	if err := flags.Parse(args); err != nil {
		return "", false, err
	}
	if mode != "server" && mode != "client" || flags.NArg() > 0 {
		flags.Usage()
		return "", false, errors.New("it is either a server or a client")
	}
	return mode, classic, nil
}
