package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
	"github.com/hisock/hisock/examples/bench/stream"
)

// streamPage is the page of the works with streams, and chooses them all.
const streamPage = "streams"

// streamWorks are the works with streams.
func streamWorks(s scale) []work {
	works := []work{}
	for _, w := range []struct {
		name, text string
		size       int
	}{{"stream-64", "64 B", 64}, {"stream-1k", "1 KiB", 1 << 10}, {"stream-64k", "64 KiB", 64 << 10}} {
		works = append(works, work{Work: report.Work{
			Name: w.name, Title: "Items of " + w.text + ", one stream from server to client",
			Kind: report.Streams,
		}, run: streaming(w.size), takes: contestant.hasStream, page: streamPage})
	}
	return append(works, work{Work: report.Work{
		Name: "stream-bytes", Title: "1 GiB from server to client, between two processes",
		About: "The client is a process too. Memory is what each process had resident at most during the transfer, beyond what it had before it, once the client was connected.",
		Kind:  report.Transfer,
	}, run: fetching(s.bytes), takes: contestant.hasBytes, page: streamPage})
}

// streaming returns a function that measures a stream of items of that size.
func streaming(size int) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(r *runner, p *process, t load.Target) (report.Sample, error) {
		got, err := stream.Items(t.Protocol, t.Addr, size, r.warm, r.measure, p.cpu)
		if err != nil {
			return report.Sample{}, err
		}
		n := float64(got.Items)
		return report.Sample{
			Rate: n / got.Elapsed.Seconds(),
			CPU:  float64(got.ServerCPU) / n, ClientCPU: float64(got.ClientCPU) / n,
		}, nil
	}
}

// fetching returns a function that measures a stream of n bytes to a process of its own.
func fetching(n int64) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(_ *runner, p *process, t load.Target) (s report.Sample, err error) {
		exe, err := os.Executable()
		if err != nil {
			return s, err
		}
		cmd := exec.Command(exe, "fetch", t.Protocol, t.Addr, fmt.Sprint(n))
		cmd.Stderr = os.Stderr
		in, out, err := startPiped(cmd)
		if err != nil {
			return s, err
		}
		kill := time.AfterFunc(fetchTimeout, func() { cmd.Process.Kill() })
		defer kill.Stop()
		s, err = fetched(p, in, out, n)
		return s, errors.Join(err, cmd.Wait())
	}
}

// fetchTimeout is the time that a client may take to fetch its bytes.
const fetchTimeout = 5 * time.Minute

// fetched starts the fetch of a connected client, and reads the client's figures.
func fetched(p *process, in io.WriteCloser, out *bufio.Reader, n int64) (s report.Sample, err error) {
	defer in.Close()
	if _, err := out.ReadString('\n'); err != nil {
		return s, fmt.Errorf("the client has not connected: %w", err)
	}
	var idle, peak, ns, clientIdle, clientPeak float64
	if err := p.ask("idle", &idle); err != nil {
		return s, err
	}
	before, err := p.cpu()
	if err != nil {
		return s, err
	}
	if _, err := io.WriteString(in, "begin\n"); err != nil {
		return s, err
	}
	line, err := out.ReadString('\n')
	if err != nil {
		return s, fmt.Errorf("the client has not fetched: %w", err)
	}
	if _, err := fmt.Sscan(line, &ns, &clientIdle, &clientPeak); err != nil {
		return s, err
	}
	if err := p.ask("peak", &peak); err != nil {
		return s, err
	}
	after, err := p.cpu()
	return report.Sample{
		Rate: float64(n) / (ns / 1e9), CPU: float64(after-before) / float64(n),
		Elapsed: ns, ServerPeak: peak - idle, ClientPeak: clientPeak - clientIdle,
	}, err
}

// runFetch is the client's process. It reports that it is connected, waits for a line, fetches, and
// reports its figures.
func runFetch(args []string, in io.Reader, out io.Writer) error {
	var n int64
	if len(args) != 3 {
		return errors.New("fetch: needs a contestant, an address and a number of bytes")
	}
	if _, err := fmt.Sscan(args[2], &n); err != nil {
		return err
	}
	f, err := stream.Fetch(args[0], args[1], n, func() error {
		if _, err := fmt.Fprintln(out, "connected"); err != nil {
			return err
		}
		_, err := bufio.NewReader(in).ReadString('\n')
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, int64(f.Elapsed), f.Idle, f.Peak)
	return err
}
