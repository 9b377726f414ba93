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

// trace runs fn, and returns the events of the page meanwhile.
func (p *Page) trace(ctx context.Context, fn func() error) ([]event, error) {
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
	if err := p.call(ctx, "Tracing.start", map[string]any{"traceConfig": config}, nil); err != nil {
		return nil, err
	}
	err := fn()
	if end := p.call(ctx, "Tracing.end", nil, nil); end != nil {
		return nil, errors.Join(err, end)
	}
	select {
	case <-done:
		return events, err
	case <-ctx.Done():
		return nil, errors.Join(err, ctx.Err())
	}
}

// process returns the number of the page's process, which every trace begins with.
func (p *Page) process(ctx context.Context) (int, error) {
	if p.pid == 0 {
		events, err := p.trace(ctx, func() error { return nil })
		if err != nil {
			return 0, err
		}
		if p.pid, err = processOf(events); err != nil {
			return 0, err
		}
	}
	return p.pid, nil
}

// LongestTask runs fn and returns how long the longest task of the page's main thread was meanwhile.
func (p *Page) LongestTask(ctx context.Context, fn func() error) (time.Duration, error) {
	events, err := p.trace(ctx, fn)
	if err != nil {
		return 0, err
	}
	pid, err := processOf(events)
	if err != nil {
		return 0, err
	}
	return longest(events, pid)
}

// processOf returns the number of the process of the page of a trace.
func processOf(events []event) (int, error) {
	for _, e := range events {
		var begun struct {
			Data struct {
				Frames []struct {
					ProcessID            int
					IsOutermostMainFrame bool
				}
			}
		}
		if e.Name != "TracingStartedInBrowser" || json.Unmarshal(e.Args, &begun) != nil {
			continue
		}
		for _, frame := range begun.Data.Frames {
			if frame.IsOutermostMainFrame {
				return frame.ProcessID, nil
			}
		}
	}
	return 0, errors.New("chrome: the trace does not say the page's process")
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
