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
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hisock/hisock/core"
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

	nats            NATS // with an Address the server is a node of a cluster
	node            string
	anyTCP, anyHTTP bool // tcp and http are what nobody has asked for: another port will do
}

// NATS is what the flags say of NATS.
type NATS struct {
	Address     string // "embedded" or "embedded:PORT", or one or several URLs with commas between them; empty means that the server is alone
	Credentials string // file with NATS credentials; empty means none but those in the URLs
}

const (
	embedded = "embedded"

	// embeddedPort is where the first chat of a machine has its NATS server, and where the others look for it.
	embeddedPort = 6970
)

// natsSchemes are the schemes of URLs that the client of NATS knows.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// Embedded reports whether the NATS server is to be in this program, or in another one of this machine that has a server at that port. Port
// 0 means any port that is free.
func (n NATS) Embedded() (port int, ok bool) {
	if n.Address == embedded {
		return embeddedPort, true
	}
	digits, ok := strings.CutPrefix(n.Address, embedded+":")
	number, err := strconv.ParseUint(digits, 10, 16)
	return int(number), ok && err == nil
}

// check returns why this cannot be done, or nil.
func (n NATS) check() error {
	_, inside := n.Embedded()
	switch {
	case inside && n.Credentials != "":
		return errors.New("-nats-creds has no meaning for -nats " + embedded)
	case inside:
		return nil
	case strings.HasPrefix(n.Address, embedded+":"):
		return errors.New("-nats " + embedded + ":PORT needs a port from 0 to 65535")
	}
	for raw := range strings.SplitSeq(n.Address, ",") {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || !slices.Contains(natsSchemes, u.Scheme) {
			return errors.New("-nats needs " + embedded + " or a URL such as nats://127.0.0.1:4222")
		}
	}
	return nil
}

// A Backbone joins a chat to others.
type Backbone struct {
	Relay   core.Relay
	Store   core.HistoryStore // keeps what is said
	Address string            // with which further chats join
	Close   func()            // called once the server has ended
}

// A Program is the chat. The zero value has no NATS in it: if the flags ask for NATS, it builds the program that has it, and becomes that.
type Program struct {
	// Open joins the chat to others, in a program with NATS.
	Open func(ctx context.Context, o NATS) (*Backbone, error)
}

// Main runs the program, until a signal ends it, and exits.
func (p Program) Main() {
	forgetScratch()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the program in order, a second one at once.
	context.AfterFunc(ctx, stop)
	os.Exit(p.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Run is the program. It returns the exit code when ctx ends or its work is done.
// In a terminal client one goroutine goes on reading stdin until stdin ends.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said why
	}
	code := exitOK
	switch {
	case o.nats.Address != "" && p.Open == nil:
		code, err = become(ctx, args, stdin, stdout, stderr)
	case o.join != "":
		err = join(ctx, o.join, o.name, o.once, stdin, stdout, stderr)
	case o.build != "":
		err = build(ctx, o.build, stderr)
	default:
		err = p.serve(ctx, o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "chat:", err)
		return exitFail
	}
	return code
}

// parse reads the flags. It writes an error to stderr too.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.tcp, "tcp", "127.0.0.1:6969", "`address` for terminal clients; empty for none")
	flags.StringVar(&o.http, "http", "127.0.0.1:8080", "`address` for the page and its WebSocket; empty for none")
	flags.StringVar(&o.nats.Address, "nats", "", "be one chat with others over NATS at `URL`, or with \"embedded\" over a NATS server in one of them")
	flags.StringVar(&o.nats.Credentials, "nats-creds", "", "`file` with the credentials for NATS, with -nats")
	flags.StringVar(&o.node, "node", "", "`name` of this chat among those that are one, with -nats")
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
	o.anyTCP, o.anyHTTP = given["nats"] && !given["tcp"], given["nats"] && !given["http"]
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
	mode, takes := "the server", map[string]bool{
		"tcp": true, "http": true, "bundle": true, "nats": true, "nats-creds": true, "node": true,
	}
	switch {
	case given["join"]:
		mode, takes = "-join", map[string]bool{"join": true, "name": true, "once": true}
	case given["build"]:
		mode, takes = "-build", map[string]bool{"build": true}
	}
	for _, name := range []string{"tcp", "http", "bundle", "build", "name", "once", "nats", "nats-creds", "node"} {
		if given[name] && !takes[name] {
			return fmt.Errorf("-%s has no meaning for %s", name, mode)
		}
	}
	switch {
	case given["build"] && o.build == "":
		return errors.New("-build needs a folder")
	case given["bundle"] && o.bundle == "":
		return errors.New("-bundle needs a folder")
	case !given["nats"] && (given["nats-creds"] || given["node"]):
		return errors.New("-nats-creds and -node need -nats")
	case given["nats"] && o.nats.check() != nil:
		return o.nats.check()
	case given["join"] && o.join == "":
		return errors.New("-join needs a URL such as tcp://127.0.0.1:6969")
	case given["join"] && o.name == "":
		return errors.New("-join needs -name, your name in the chat")
	case o.tcp == "" && o.http == "":
		return errors.New("-tcp and -http are both empty: there is nothing to listen on")
	}
	return nil
}
