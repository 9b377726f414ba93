package chrome

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// An event of a trace.
type event struct {
	Name     string          `json:"name"`
	Phase    string          `json:"ph"`
	Process  int             `json:"pid"`
	Thread   int             `json:"tid"`
	Duration float64         `json:"dur"` // microseconds
	Args     json.RawMessage `json:"args"`
}

// LongestTask runs fn and returns how long the longest task of the page's main thread was meanwhile.
func (p *Page) LongestTask(ctx context.Context, fn func() error) (time.Duration, error) {
	pid, err := p.process(ctx)
	if err != nil {
		return 0, err
	}
	var events []event // by the goroutine that reads, until done is closed
	done := make(chan struct{})
	p.b.on("Tracing.dataCollected", func(params json.RawMessage) {
		var got struct{ Value []event }
		if json.Unmarshal(params, &got) == nil {
			events = append(events, got.Value...)
		}
	})
	p.b.on("Tracing.tracingComplete", func(json.RawMessage) { close(done) })
	defer p.b.on("Tracing.dataCollected", nil)
	defer p.b.on("Tracing.tracingComplete", nil)
	config := map[string]any{"includedCategories": []string{"__metadata", "disabled-by-default-devtools.timeline"}, "excludedCategories": []string{"*"}}
	if err := p.b.call(ctx, "", "Tracing.start", map[string]any{"traceConfig": config}, nil); err != nil {
		return 0, err
	}
	err = fn()
	if end := p.b.call(ctx, "", "Tracing.end", nil, nil); end != nil {
		return 0, errors.Join(err, end)
	}
	select {
	case <-done:
	case <-ctx.Done():
		return 0, errors.Join(err, ctx.Err())
	}
	if err != nil {
		return 0, err
	}
	return longest(events, pid)
}

// longest returns the duration of the longest task of the main thread of a process.
func longest(events []event, pid int) (most time.Duration, err error) {
	main := 0
	for _, e := range events {
		var named struct{ Name string }
		if e.Process == pid && e.Name == "thread_name" && json.Unmarshal(e.Args, &named) == nil && named.Name == "CrRendererMain" {
			main = e.Thread
		}
	}
	for _, e := range events {
		if e.Process == pid && e.Thread == main && e.Name == "RunTask" {
			most = max(most, time.Duration(e.Duration*float64(time.Microsecond)))
		}
	}
	if most == 0 {
		return 0, errors.New("chrome: the trace has no task of the page")
	}
	return most, nil
}
