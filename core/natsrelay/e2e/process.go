package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roleEnv has the part of a process that a test has started.
const roleEnv = "HISOCK_CLUSTER_PART"

// Bounds of a process: how long it lives, and how long it may take to answer.
const (
	lifetime   = 15 * time.Minute
	answerTime = 2 * time.Minute
)

// Exit codes of processes that end by themselves.
const (
	exitFault = 3
	exitLate  = 4
)

// A part is what a process does: it is made from what the test gives it, and then does what it is told, one thing after the other.
type part interface {
	do(what string, with json.RawMessage) (answer any, err error)
}

// parts has what makes each part, and the answer to its making.
var parts = map[string]func(with json.RawMessage) (p part, answer any, err error){
	"broker": newBrokerPart,
	"node":   newNodePart,
}

// An order is a line from a test to a process, and a reply a line back.
type order struct {
	Do   string
	With json.RawMessage
}

type reply struct {
	Answer json.RawMessage
	Err    string
}

// Main is what TestMain calls.
func Main(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
	}
	os.Exit(m.Run())
}

// play plays a part. It ends the process when the standard input ends, which it does with the process of the test.
func play(role string) {
	time.AfterFunc(lifetime, func() { os.Exit(exitLate) })
	orders := make(chan order)
	go func() {
		in := json.NewDecoder(os.Stdin)
		for {
			var o order
			if in.Decode(&o) != nil {
				os.Exit(0)
			}
			orders <- o
		}
	}()
	out := json.NewEncoder(os.Stdout)
	answer := func(a any, err error) {
		var r reply
		if err != nil {
			r.Err = err.Error()
		}
		if r.Answer, err = json.Marshal(a); err != nil {
			r.Err = err.Error()
		}
		if out.Encode(r) != nil {
			os.Exit(0)
		}
	}
	p, first, err := parts[role]((<-orders).With)
	answer(first, err)
	if err != nil {
		os.Exit(exitFault)
	}
	for o := range orders {
		answer(p.do(o.Do, o.With))
	}
}

// A Process plays a part for a test. Its methods are called by the goroutine of the test.
type Process struct {
	t       testing.TB
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan reply
	ended   chan struct{} // closed when the process has ended
}

// start starts a process, and waits until it plays its part.
func start(t testing.TB, role string, with, answer any) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command(os.Args[0]), replies: make(chan reply), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role)
	p.cmd.Stderr = os.Stderr
	var err error
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		lines := json.NewDecoder(bufio.NewReader(out))
		for {
			var r reply
			if lines.Decode(&r) != nil {
				break
			}
			p.replies <- r
		}
		p.cmd.Wait() //nolint:errcheck // it was killed, or says why
	}()
	t.Cleanup(p.Kill)
	require.NoError(t, p.Ask("", with, answer), "a process that plays a %s", role)
	return p
}

var errEnded = errors.New("the process has ended")

// Ask has the process do something, and waits for its answer, which it puts into answer unless that is nil.
func (p *Process) Ask(what string, with, answer any) error {
	raw, err := json.Marshal(with)
	if err != nil {
		return err
	}
	line, err := json.Marshal(order{Do: what, With: raw})
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return errors.Join(errEnded, err)
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	select {
	case r := <-p.replies:
		switch {
		case r.Err != "":
			return fmt.Errorf("%s: %s", what, r.Err)
		case answer != nil:
			return json.Unmarshal(r.Answer, answer)
		}
		return nil
	case <-p.ended:
		return errEnded
	case <-timer.C:
		p.Kill()
		return fmt.Errorf("%s: not answered in %v", what, answerTime)
	}
}

// Kill kills the process with SIGKILL, and waits for its end.
func (p *Process) Kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it has ended
	p.in.Close()         //nolint:errcheck // it has ended
	for {
		select {
		case <-p.ended:
			return
		case <-p.replies: // nobody waits for it any more
		}
	}
}

// Pid is the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// given reads what a process was given.
func given[T any](with json.RawMessage) (v T, err error) {
	err = json.Unmarshal(with, &v)
	return v, err
}
