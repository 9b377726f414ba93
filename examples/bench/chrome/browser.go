// Package chrome drives Chromium by its DevTools protocol, over pipes. It turns on no part of DevTools that watches the network, because
// that would cost a page time for each message.
package chrome

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// flags are for a browser without a window, which asks nobody for updates, and in which a hidden page is as slow as a user's.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "about:blank",
}

// Path returns the path of Chromium: the variable CHROMIUM, or a program with one of its names.
func Path() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chrome: no Chromium found: install it, or set CHROMIUM")
}

// A Browser is a running Chromium. Its methods may be called by several goroutines at once.
type Browser struct {
	cmd     *exec.Cmd
	profile string        // its folder
	in      *os.File      // its commands
	over    chan struct{} // closed when it writes nothing more

	mu     sync.Mutex // guards the fields below, and writes to in
	last   int        // number of the last command
	calls  map[int]chan answer
	events map[string]func(json.RawMessage)
}

// An answer is the answer to a command, or an event if it has no ID.
type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Start starts a browser with an empty profile. Close ends it.
func Start() (*Browser, error) {
	path, err := Path()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "hisock-bench-chrome-")
	if err != nil {
		return nil, err
	}
	b := &Browser{profile: profile, over: make(chan struct{}), calls: make(map[int]chan answer), events: make(map[string]func(json.RawMessage))}
	if err := b.start(path); err != nil {
		os.RemoveAll(profile)
		return nil, fmt.Errorf("chrome: %w", err)
	}
	return b, nil
}

func (b *Browser) start(path string) error {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer theirOut.Close()
	b.cmd = exec.Command(path, append([]string{"--user-data-dir=" + b.profile}, flags...)...)
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	b.in = in
	if err := b.cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return err
	}
	go b.read(out)
	return nil
}

// read reads answers and events, each of which ends with a zero, until the browser has ended.
func (b *Browser) read(out *os.File) {
	defer close(b.over)
	defer out.Close()
	for r := bufio.NewReaderSize(out, 1<<20); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) != nil {
			continue
		}
		b.mu.Lock()
		call, event := b.calls[a.ID], b.events[a.Method]
		delete(b.calls, a.ID)
		b.mu.Unlock()
		if call != nil {
			call <- a
		} else if event != nil {
			event(a.Params)
		}
	}
}

// on sets the function that is called with each event of that name, or none. The function runs on the goroutine that reads.
func (b *Browser) on(event string, fn func(json.RawMessage)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events[event] = fn
}

// call sends a command to a session, or to the browser if session is empty, and puts the answer into result unless that is nil.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	got := make(chan answer, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.calls[id] = got
	command, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Session string `json:"sessionId,omitempty"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{id, session, method, params})
	if err == nil {
		_, err = b.in.Write(append(command, 0))
	}
	b.mu.Unlock()
	if err == nil {
		select {
		case a := <-got:
			switch {
			case a.Error != nil:
				err = errors.New(a.Error.Message)
			case result != nil:
				err = json.Unmarshal(a.Result, result)
			}
		case <-b.over:
			err = errors.New("the browser has ended")
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("chrome: %s: %w", method, err)
	}
	return nil
}

// Version returns the browser's name and version.
func (b *Browser) Version(ctx context.Context) (string, error) {
	var v struct{ Product string }
	err := b.call(ctx, "", "Browser.getVersion", nil, &v)
	return v.Product, err
}

// closeTimeout is how long the browser may take to end.
const closeTimeout = 10 * time.Second

// Close ends the browser and removes its profile.
func (b *Browser) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	b.call(ctx, "", "Browser.close", nil, nil) // it may end before it answers
	kill := time.AfterFunc(closeTimeout, func() { b.cmd.Process.Kill() })
	defer kill.Stop()
	err := b.cmd.Wait()
	b.in.Close()
	<-b.over
	return errors.Join(err, os.RemoveAll(b.profile))
}
