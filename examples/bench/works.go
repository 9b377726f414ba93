package main

import (
	"time"

	"github.com/hisock/hisock/examples/bench/client"
	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
)

// A work is one measurement.
type work struct {
	report.Work
	run    func(r *runner, p *process, t load.Target) (report.Sample, error)
	takes  func(c contestant) bool // reports which contestants do it; nil means all
	oneCPU bool                    // the server has one processor
	shared bool                    // server and load share that processor
	client bool                    // the contestant's own client is measured
	page   string                  // name of the page that has it; empty for the main page
	rounds int                     // greatest number of rounds; 0 means all rounds
}

// takenBy reports whether a contestant does the work.
func (w *work) takenBy(c contestant) bool {
	if c.only != "" && c.only != w.Name && c.only != w.page {
		return false
	}
	return w.takes == nil || w.takes(c)
}

// A scale is the size of the works. Tests have a small scale.
type scale struct {
	receivers int // receivers of a broadcast
	groups    int
	idle      int           // idle connections
	clients   int           // connections of each client library, and goroutines that call on each
	silence   time.Duration // time without traffic before memory is measured
	bytes     int64         // bytes of a stream of bytes
}

var fullScale = scale{receivers: 1000, groups: 100, idle: 10_000, clients: 64, silence: 30 * time.Second, bytes: 1 << 30}

func works(s scale) []work {
	hisockOnly := contestant.isHisock
	echo64 := load.Echo{Conns: 64, Size: 64, Window: 64}
	broadcast := load.Fanout{Groups: 1, Members: s.receivers, Size: 128, Window: 256}
	tight := broadcast
	tight.Window = 16
	active := load.Echo{Conns: min(s.idle/10, 100), Size: 64, Window: 64}
	crowd := active
	crowd.Idle = s.idle - active.Conns

	all := []work{
		{Work: report.Work{
			Name: "ping-pong", Title: "Ping-pong: 1 connection, 64 B, one in flight",
			About: "A message is sent when the answer to the one before it has come.",
		}, run: echoing(load.Echo{Conns: 1, Size: 64, Window: 1})},
		{Work: report.Work{
			Name: "call", Title: "The same as a call",
			About: "hisock's Call, which matches the answer to the request. The floor does the same as in ping-pong.",
		}, run: echoing(load.Echo{Conns: 1, Size: 64, Window: 1, Call: true}), takes: hisockOnly},
		{Work: report.Work{
			Name: "one-cpu-ping-pong", Title: "Ping-pong on one processor",
			About: "Server and load share one processor, so neither has to wake another one. The figures say what a round trip costs both of them.",
		}, run: echoing(load.Echo{Conns: 1, Size: 64, Window: 1}), oneCPU: true, shared: true},
		{Work: report.Work{
			Name: "one-cpu-call", Title: "The same as a call", About: "As above.",
		}, run: echoing(load.Echo{Conns: 1, Size: 64, Window: 1, Call: true}), takes: hisockOnly, oneCPU: true, shared: true},
		{Work: report.Work{
			Name: "echo-1", Title: "Echo: 1 connection, 64 B, 128 in flight",
		}, run: echoing(load.Echo{Conns: 1, Size: 64, Window: 128})},
		{Work: report.Work{
			Name: "echo-64", Title: "Echo: 64 connections, 64 B, 64 in flight on each",
		}, run: echoing(echo64)},
		{Work: report.Work{
			Name: "call-64", Title: "Calls: 64 connections, 64 B, 64 in flight on each",
			About: "As echo-64, with hisock's calls. The others do the same as in echo-64.",
		}, run: echoing(load.Echo{Conns: 64, Size: 64, Window: 64, Call: true}), takes: hisockOnly},
		{Work: report.Work{
			Name: "echo-64-1k", Title: "Echo: 64 connections, 1 KiB, 64 in flight on each",
		}, run: echoing(load.Echo{Conns: 64, Size: 1 << 10, Window: 64})},
		{Work: report.Work{
			Name: "echo-1-64k", Title: "Echo: 1 connection, 64 KiB, 64 in flight",
		}, run: echoing(load.Echo{Conns: 1, Size: 64 << 10, Window: 64})},
		{Work: report.Work{
			Name: "broadcast", Title: "Broadcast of 128 B to 1,000 receivers",
			About: "One connection publishes. Up to 256 messages are on their way to some of the receivers. The figures count deliveries.",
		}, run: fanningOut(broadcast)},
		{Work: report.Work{
			Name: "broadcast-16", Title: "Broadcast of 128 B to 1,000 receivers, 16 in flight",
			About: "As before, with up to 16 messages on their way, so that a write to a receiver has fewer messages.",
		}, run: fanningOut(tight)},
		{Work: report.Work{
			Name: "groups", Title: "100 groups of 10, 128 B, 1,024 sends in flight",
			About: "One connection sends to the groups in turn. The figures count deliveries, ten for each send. floor-singly writes each message by itself.",
		}, run: fanningOut(load.Fanout{Groups: s.groups, Members: 10, Size: 128, Window: 1024}),
			takes: func(c contestant) bool { return c.groups }},
		{Work: report.Work{
			Name: "latency", Title: "Latency at 20,000 deliveries a second",
			About: "200 messages of 128 B a second, evenly spread, each to 100 receivers. The latency is the time from just before a message is written until a receiver has read it.",
			Kind:  report.Latency,
		}, run: fanningOut(load.Fanout{Groups: 1, Members: min(s.receivers, 100), Size: 128, Window: 256, Rate: 200})},
		{Work: report.Work{
			Name: "crowd-100", Title: "Echo: 100 connections, 64 B, 64 in flight on each",
			About: "For comparison with the next work.",
		}, run: echoing(active), takes: hisockOnly},
		{Work: report.Work{
			Name: "crowd-10000", Title: "The same among 10,000 connections",
			About: "As before, beside 9,900 connections that do nothing.", Against: "crowd-100",
		}, run: echoing(crowd), takes: hisockOnly},
		{Work: report.Work{
			Name: "one-cpu-echo", Title: "One processor, echo: 64 connections, 64 B, 64 in flight on each",
			About: "The server has one processor, by GOMAXPROCS=1 and taskset.",
		}, run: echoing(echo64), takes: hisockOnly, oneCPU: true},
		{Work: report.Work{
			Name: "one-cpu-broadcast", Title: "One processor, broadcast of 128 B to 1,000 receivers",
			About: "The server has one processor, by GOMAXPROCS=1 and taskset.",
		}, run: fanningOut(broadcast), takes: hisockOnly, oneCPU: true},
		{Work: report.Work{
			Name: "client-call", Title: "Clients: round trips one at a time",
			About: "One connection, 64 B. A message is sent when the answer to the one before it has come: hisock's Call.",
			Kind:  report.Clients,
		}, run: byClient(client.Work{Conns: 1, Callers: 1, Size: 64}), takes: contestant.hasClient, client: true},
		{Work: report.Work{
			Name: "client-calls", Title: "Clients: 64 connections, 64 goroutines that call on each",
			About: "64 B. The floor calls from one goroutine for each connection.",
			Kind:  report.Clients,
		}, run: byClient(client.Work{Conns: s.clients, Callers: s.clients, Size: 64}), takes: contestant.hasClient, client: true},
		{Work: report.Work{
			Name: "client-echo", Title: "Clients: 64 connections, 64 B, 64 in flight on each",
			About: "A message that comes back is sent again, in hisock's client by the handler.",
			Kind:  report.Clients,
		}, run: byClient(client.Work{Conns: s.clients, Window: 64, Size: 64}), takes: contestant.hasClient, client: true},
		{Work: report.Work{
			Name: "memory", Title: "Memory of an idle connection, 10,000 connections",
			About: "The growth of the server's memory since before the connections came, divided by their number, after a garbage collection.",
			Kind:  report.Memory,
		}, run: holding(load.Idle{Conns: s.idle})},
		{Work: report.Work{
			Name: "memory-used", Title: "Memory of an idle connection that was used",
			About: "One echo of 64 B on each connection, then 30 s in which only the protocol itself sends.",
			Kind:  report.Memory,
		}, run: holding(load.Idle{Conns: s.idle, Echo: 64, Silence: s.silence}), takes: contestant.hasMemory, rounds: 2},
		{Work: report.Work{
			Name: "memory-acked", Title: "The same once the client has acknowledged",
			About: "As above. Before the end of the silence the clients acknowledge what they have received, if the protocol has acknowledgements.",
			Kind:  report.Memory,
		}, run: holding(load.Idle{Conns: s.idle, Echo: 64, Ack: true, Silence: s.silence}), takes: contestant.isHisock, rounds: 2},
	}
	return append(all, streamWorks(s)...)
}

// byClient returns a function that measures the contestant's client.
func byClient(w client.Work) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(r *runner, p *process, t load.Target) (report.Sample, error) {
		got, err := w.Run(t.Protocol, t.Addr, r.warm, r.measure)
		if err != nil {
			return report.Sample{}, err
		}
		return report.Sample{
			Rate: float64(got.Messages) / got.Elapsed.Seconds(),
			CPU:  float64(got.CPU) / float64(max(got.Messages, 1)),
			P50:  float64(got.P50), P99: float64(got.P99),
		}, nil
	}
}

func echoing(e load.Echo) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(r *runner, p *process, t load.Target) (report.Sample, error) {
		m := r.meter(p)
		err := e.Run(t, m)
		return sampleOf(m.Result), err
	}
}

func fanningOut(f load.Fanout) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(r *runner, p *process, t load.Target) (report.Sample, error) {
		m := r.meter(p)
		err := f.Run(t, m)
		return sampleOf(m.Result), err
	}
}

func sampleOf(r load.Result) report.Sample {
	if r.Elapsed == 0 {
		return report.Sample{}
	}
	return report.Sample{
		Rate: r.Rate(), CPU: float64(r.CPU) / float64(max(r.Messages, 1)),
		Reads: float64(r.Reads) / float64(max(r.Messages, 1)), Writes: float64(r.Writes) / float64(max(r.Messages, 1)),
		P50: float64(r.P50), P99: float64(r.P99),
	}
}

func holding(idle load.Idle) func(*runner, *process, load.Target) (report.Sample, error) {
	return func(r *runner, p *process, t load.Target) (s report.Sample, err error) {
		// The first connections make the server allocate memory that does not grow with their number.
		first := load.Idle{Conns: 10, Echo: idle.Echo}
		if err := first.Run(t, func() error { return nil }); err != nil {
			return s, err
		}
		heap, resident, err := p.memory()
		if err != nil {
			return s, err
		}
		err = idle.Run(t, func() error {
			time.Sleep(r.settle)
			s.Heap, s.Resident, err = p.memory()
			return err
		})
		s.Heap = (s.Heap - heap) / float64(idle.Conns)
		s.Resident = (s.Resident - resident) / float64(idle.Conns)
		return s, err
	}
}
