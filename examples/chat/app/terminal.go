package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hisock/hisock/core"
)

// connectTime is how long joining may take.
const connectTime = 10 * time.Second

// join is the terminal client. It sends the lines of stdin to the chat, and prints the messages of others. It
// returns nil at the end of stdin, when all lines have been sent, or
// when ctx ends. If the connection breaks off, the client comes back, unless once is set.
func join(ctx context.Context, url, name string, once bool, stdin io.Reader, stdout, stderr io.Writer) error {
	dialer, err := newDialer(url)
	if err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if err := checkName(name); err != nil {
		return err
	}
	opts := &core.ClientOptions{Name: name, Retry: core.Retry{Off: once}}
	client, err := core.NewClient(dialer, opts)
	if err != nil {
		return err
	}
	t := &terminal{client: client, stdout: stdout, stderr: stderr}
	t.client.OnState(t.changed)
	t.client.OnReplay(t.earlier)
	core.On(t.client, "here", t.here)
	core.On(t.client, "joined", t.joined)
	core.On(t.client, "left", t.left)
	core.On(t.client, "renamed", t.renamed)
	core.On(t.client, "said", t.said)
	core.On(t.client, "node", t.node)
	if err := t.connect(ctx, url); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	return t.talk(ctx, stdin)
}

// A terminal is the chat of one user. Only its handlers print to stdout, and they run one at a time.
type terminal struct {
	client         *core.Client
	stdout, stderr io.Writer

	// Owned by the handlers.
	me   core.ClientID
	away bool  // the connection has broken off
	at   place // where the user is, in a cluster
}

func (t *terminal) connect(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	err := t.client.Connect(ctx)
	switch code := core.CodeOf(err); {
	case err == nil:
		return nil
	case code == core.CodeNameTaken:
		return fmt.Errorf("somebody here is called %q already: choose another name", t.client.Name())
	case core.IsRemote(err):
		return fmt.Errorf("the chat at %s refused you: %s", url, reason(err))
	case code == core.CodeDeadlineExceeded:
		return fmt.Errorf("the chat at %s did not answer within %v", url, connectTime)
	}
	return fmt.Errorf("cannot join the chat at %s: %s", url, reason(err))
}

// talk sends the lines that are typed, until stdin, the connection or ctx ends.
func (t *terminal) talk(ctx context.Context, stdin io.Reader) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	lines := make(chan typed)
	go readLines(reading, stdin, lines) // it ends when stdin ends, or at the first line after reading has ended
	for {
		if t.isOver() {
			return t.lost() // also if a line has been typed
		}
		select {
		case in, more := <-lines:
			if !more {
				return t.leave(ctx)
			}
			if in.err != nil && in.err != errLineTooLong {
				t.leave(ctx) //nolint:errcheck // the error below is the one to report
				return fmt.Errorf("cannot read what you type: %w", in.err)
			}
			t.say(ctx, in)
		case <-t.client.Done():
			return t.lost()
		case <-ctx.Done():
			return t.leave(ctx)
		}
	}
}

// say sends one line and returns when the server has accepted it. It skips blank lines.
func (t *terminal) say(ctx context.Context, in typed) {
	err := in.err
	if err == nil {
		if strings.TrimSpace(in.text) == "" {
			return
		}
		err = checkText(in.text)
	}
	if err == nil {
		_, err = core.Call[struct{}](ctx, t.client, "say", in.text)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(t.stderr, "chat: not said: %s\n", reason(err))
	}
}

// leave closes the client and waits until it prints nothing any more. If the server had ended the connection
// before, leave returns why.
func (t *terminal) leave(ctx context.Context) error {
	ended := t.isOver()
	t.client.Close()
	<-t.client.Done()
	if ended && ctx.Err() == nil {
		return t.lost()
	}
	return nil
}

func (t *terminal) isOver() bool {
	select {
	case <-t.client.Done():
		return true
	default:
		return false
	}
}

// changed prints that the connection has broken off, and that the client is back.
func (t *terminal) changed(s core.State, why error) {
	switch {
	case s == core.StateReconnecting:
		t.away = true
		t.print("* %s: coming back", gone(why)) //nolint:errcheck // nothing can be done about it
	case t.away && (s == core.StateResumed || s == core.StateConnected):
		t.away = false
		t.print("* back again") //nolint:errcheck // nothing can be done about it
	}
}

// lost returns why the connection has ended for good.
func (t *terminal) lost() error { return errors.New(gone(t.client.Err())) }

func gone(err error) string {
	switch core.CodeOf(err) {
	case core.CodeShutdown:
		return "the server has stopped"
	case core.CodeConnLost, core.CodeHeartbeat, core.CodeWriteTimeout:
		return "the connection to the server was lost (" + reason(err) + ")"
	}
	return "the server has ended the connection: " + reason(err)
}

// reason returns the text of an error for people, without prefixes, and safe to print.
func reason(err error) string {
	var e *core.Error
	if !errors.As(err, &e) {
		return printable(err.Error())
	}
	text := e.Message
	if cause := errors.Unwrap(e); cause != nil {
		text = strings.TrimPrefix(text+": "+cause.Error(), ": ")
	}
	if text == "" {
		text = e.Code.String()
	}
	return printable(text)
}

func (t *terminal) here(_ context.Context, _ *core.Conn, in roll) error {
	t.me = in.You
	names := make([]string, len(in.Here))
	for i, m := range in.Here {
		names[i] = m.Name
		if m.ID == in.You {
			names[i] += " (you)"
		}
	}
	return t.print("* here: %s", strings.Join(names, ", "))
}

// earlier prints that messages come which were said before the user came, or while the terminal was away.
func (t *terminal) earlier(_ *core.Conn, r core.Replay) {
	if r.Group != group {
		return // nobody speaks to the other groups
	}
	if r.Lost {
		t.print("* the server was started again, and has forgotten what was said") //nolint:errcheck // nothing can be done about it
	}
	if r.Missed > 0 {
		t.print("* missing, because the server does not keep more: %s", messages(r.Missed)) //nolint:errcheck
	}
	if r.Messages > 0 {
		t.print("* %s from before:", messages(uint64(r.Messages))) //nolint:errcheck
	}
}

// messages returns "1 message", "2 messages" and so on.
func messages(n uint64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprint(n, " messages")
}

func (t *terminal) joined(_ context.Context, _ *core.Conn, who member) error {
	return t.print("* %s joined", who.Name)
}

func (t *terminal) left(_ context.Context, _ *core.Conn, who member) error {
	return t.print("* %s left", who.Name)
}

func (t *terminal) renamed(_ context.Context, _ *core.Conn, who change) error {
	return t.print("* %s is called %s now", who.Was, who.Name)
}

func (t *terminal) said(_ context.Context, _ *core.Conn, in line) error {
	if in.ID == t.me {
		return nil // the user has typed it here
	}
	return t.print("%s: %s", in.From, in.Text)
}

// node prints at which node the user is, and whether that is cut off from the others.
func (t *terminal) node(_ context.Context, _ *core.Conn, now place) error {
	was := t.at
	t.at = now
	if now.Node != was.Node {
		t.print("* you are at node %s", now.Node) //nolint:errcheck // as below
	}
	switch {
	case now.Cut && (!was.Cut || now.Node != was.Node):
		return t.print("* %s is cut off from the other nodes: messages wait until it is back", now.Node)
	case was.Cut && !now.Cut && now.Node == was.Node:
		return t.print("* %s is one with the other nodes again", now.Node)
	}
	return nil
}

// print prints one line, and makes text from others safe to print.
func (t *terminal) print(format string, args ...any) error {
	_, err := fmt.Fprintln(t.stdout, printable(fmt.Sprintf(format, args...)))
	return err
}
