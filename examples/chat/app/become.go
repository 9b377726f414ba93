package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// A program without NATS has no Open. If the flags ask for NATS it becomes the program that has it: it builds the module in the folder nats beside
// this package, and puts that program into its own place, so that signals and the exit code need nobody to pass them on. So the module of this
// package needs no NATS, and no other command of a checkout downloads it.

// scratchVar tells the new program the folder in which it was built, which it removes.
const scratchVar = "HISOCK_CHAT_SCRATCH"

// stopTime is how long the go command may take to stop.
const stopTime = 5 * time.Second

// A noNATSError says why the program with NATS cannot be built here.
type noNATSError struct {
	why string
	err error // may be nil
}

func (e *noNATSError) Error() string {
	why := e.why
	if e.err != nil {
		why += ": " + e.err.Error()
	}
	return "this program has no NATS in it, and " + why + `
Build the program that has it where Go and the sources are:  go build -C examples/chat/nats -o ../../../bin/chat
and start bin/chat with the same flags.`
}

func (e *noNATSError) Unwrap() error { return e.err }

// become runs the program with NATS. It returns the exit code, if it returns at all.
func become(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int, err error) {
	scratch, err := os.MkdirTemp("", "hisock-chat-*")
	if err != nil {
		return exitFail, err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // remaining files are in the system's temporary folder
	program := filepath.Join(scratch, "chat.exe")
	if err := buildNATS(ctx, natsDir(), program, stderr); ctx.Err() != nil || err != nil {
		return exitOK, err
	}
	err = syscall.Exec(program, append([]string{"chat"}, args...), append(os.Environ(), scratchVar+"="+scratch))
	if !errors.Is(err, errors.ErrUnsupported) {
		return exitFail, fmt.Errorf("cannot start the program with NATS: %w", err)
	}
	return runBeside(ctx, program, args, stdin, stdout, stderr) // on Windows
}

// buildNATS builds the program of the module in dir.
func buildNATS(ctx context.Context, dir, program string, stderr io.Writer) error {
	if dir == "" {
		return &noNATSError{why: "its sources are not on this machine"}
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return &noNATSError{why: "there is no Go command here", err: err}
	}
	fmt.Fprintln(stderr, "chat: building the chat with NATS; the first time this downloads NATS, and can take some minutes")
	cmd := exec.CommandContext(ctx, tool, "build", "-buildvcs=false", "-o", program, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return &noNATSError{why: "it cannot be built here", err: err}
	}
	return nil
}

// natsDir returns the folder of the module with NATS, or "" if it is not on this machine.
func natsDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "" // built with -trimpath
	}
	dir := filepath.Join(filepath.Dir(file), "..", "nats")
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return ""
	}
	return dir
}

// runBeside runs a program and returns its exit code. When ctx ends the program is interrupted, where that can be done; a console
// interrupts it by itself.
func runBeside(ctx context.Context, program string, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int, err error) {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return exitFail, fmt.Errorf("cannot start the program with NATS: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(os.Interrupt) }) //nolint:errcheck // it has ended
	defer stop()
	var ended *exec.ExitError
	if err = cmd.Wait(); errors.As(err, &ended) {
		return ended.ExitCode(), nil
	}
	return exitOK, err
}

// forgetScratch removes the folder from which another program has started this one, as soon as it runs.
func forgetScratch() {
	dir := os.Getenv(scratchVar)
	os.Unsetenv(scratchVar) //nolint:errcheck // the name is valid
	self, err := os.Executable()
	if dir == "" || err != nil {
		return
	}
	if a, err := os.Stat(dir); err == nil {
		if b, err := os.Stat(filepath.Dir(self)); err == nil && os.SameFile(a, b) {
			os.Remove(self) //nolint:errcheck // remaining files are in the system's temporary folder
			os.Remove(dir)  //nolint:errcheck // it is empty, or not ours
		}
	}
}
