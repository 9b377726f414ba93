package chrome

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A Page is a page with caches and storage of its own, which are empty at first.
type Page struct {
	b       *Browser
	context string
	target  string
	session string // empty until something of the page is asked for
	pid     int    // its process; 0 until that is asked for
}

// Open opens a page in a window of its own. Close closes it.
func (b *Browser) Open(ctx context.Context, url string) (*Page, error) {
	var made struct{ BrowserContextID string }
	if err := b.call(ctx, "", "Target.createBrowserContext", nil, &made); err != nil {
		return nil, err
	}
	p := &Page{b: b, context: made.BrowserContextID}
	target, err := p.tab(ctx, url)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.target = target
	return p, nil
}

// tab opens a tab in the page's window, in front of the others.
func (p *Page) tab(ctx context.Context, url string) (target string, err error) {
	var made struct{ TargetID string }
	err = p.b.call(ctx, "", "Target.createTarget", map[string]any{"url": url, "browserContextId": p.context}, &made)
	return made.TargetID, err
}

// Hide opens an empty page in front of the page.
func (p *Page) Hide(ctx context.Context) error {
	_, err := p.tab(ctx, "about:blank")
	return err
}

// Close closes the page and its window.
func (p *Page) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return p.b.call(ctx, "", "Target.disposeBrowserContext", map[string]any{"browserContextId": p.context}, nil)
}

// Title waits until the page's title begins with prefix, and returns the rest of the title. It fails with the title that begins
// with "failed". It asks the browser and not the page, which is not disturbed.
func (p *Page) Title(ctx context.Context, prefix string) (string, error) {
	for every := time.NewTicker(10 * time.Millisecond); ; {
		var got struct{ TargetInfo struct{ Title string } }
		if err := p.b.call(ctx, "", "Target.getTargetInfo", map[string]any{"targetId": p.target}, &got); err != nil {
			return "", err
		}
		if rest, ok := strings.CutPrefix(got.TargetInfo.Title, prefix); ok {
			return rest, nil
		}
		if strings.HasPrefix(got.TargetInfo.Title, "failed") {
			return "", errors.New(got.TargetInfo.Title)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the title %q: %w", prefix, ctx.Err())
		case <-every.C:
		}
	}
}

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	if p.session == "" {
		var made struct{ SessionID string }
		if err := p.b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": p.target, "flatten": true}, &made); err != nil {
			return err
		}
		p.session = made.SessionID
	}
	return p.b.call(ctx, p.session, method, params, result)
}

// Eval evaluates an expression in the page, waits for it if it is a promise, and puts its value into result unless that is nil.
func (p *Page) Eval(ctx context.Context, expression string, result any) error {
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}
	if err := p.call(ctx, "Runtime.evaluate", params, &got); err != nil {
		return err
	}
	if e := got.ExceptionDetails; e != nil {
		return fmt.Errorf("chrome: in the page: %s %s", e.Text, e.Exception.Description)
	}
	if result == nil || got.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(got.Result.Value, result)
}

// TaskTime returns for how long the main thread of the page has worked.
func (p *Page) TaskTime(ctx context.Context) (time.Duration, error) {
	if err := p.call(ctx, "Performance.enable", nil, nil); err != nil {
		return 0, err
	}
	var got struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	if err := p.call(ctx, "Performance.getMetrics", nil, &got); err != nil {
		return 0, err
	}
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return time.Duration(m.Value * float64(time.Second)), nil
		}
	}
	return 0, errors.New("chrome: there is no TaskDuration")
}

// Memory is what a page holds after a collection of garbage, in bytes.
type Memory struct {
	Heap    float64 // objects, buffers, memories of WebAssembly, and what the browser has for objects
	Private float64 // memory that the page's process shares with no other process; 0 if the system does not say it
}

// Memory collects garbage and returns what is left.
func (p *Page) Memory(ctx context.Context) (m Memory, err error) {
	pid, err := p.process(ctx)
	if err != nil {
		return m, err
	}
	for range 2 {
		if err := p.call(ctx, "HeapProfiler.collectGarbage", nil, nil); err != nil {
			return m, err
		}
	}
	var got struct{ UsedSize, EmbedderHeapUsedSize, BackingStorageSize float64 }
	if err := p.call(ctx, "Runtime.getHeapUsage", nil, &got); err != nil {
		return m, err
	}
	wasm, err := p.wasm(ctx)
	return Memory{Heap: got.UsedSize + got.EmbedderHeapUsedSize + got.BackingStorageSize + wasm, Private: private(pid)}, err
}

// wasm returns the size of the memories of WebAssembly that the page has, in bytes, which are not part of its heap.
func (p *Page) wasm(ctx context.Context) (bytes float64, err error) {
	type object struct {
		ObjectID string
		Value    float64
	}
	var prototype struct{ Result object }
	if err := p.call(ctx, "Runtime.evaluate", map[string]any{"expression": "WebAssembly.Memory.prototype"}, &prototype); err != nil {
		return 0, err
	}
	var found struct{ Objects object }
	if err := p.call(ctx, "Runtime.queryObjects", map[string]any{"prototypeObjectId": prototype.Result.ObjectID}, &found); err != nil {
		return 0, err
	}
	var sum struct{ Result object }
	err = p.call(ctx, "Runtime.callFunctionOn", map[string]any{
		"objectId": found.Objects.ObjectID, "returnByValue": true,
		"functionDeclaration": "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }",
	}, &sum)
	return sum.Result.Value, err
}

// private returns the memory that a process shares with no other one, in bytes, or 0 if the system does not say it.
func private(pid int) (bytes float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Private_"); ok {
			var name string
			var kib float64
			if _, err := fmt.Sscan(rest, &name, &kib); err == nil {
				bytes += kib * 1024
			}
		}
	}
	return bytes
}
