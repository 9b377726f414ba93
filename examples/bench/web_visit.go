package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hisock/hisock/examples/bench/chrome"
	"github.com/hisock/hisock/examples/bench/link"
)

// A webScale says how much the works of a page do.
type webScale struct {
	seconds  float64 // how long each rate is measured
	burst    int     // texts of a burst
	handlers int     // handlers that are set and removed
	uploads  int     // rounds in which uploads are measured
}

const (
	toil        = 0.05 // how long the handler of a text of a burst works, in milliseconds
	visitWithin = 2 * time.Minute

	uploadMessages = 80
	uploadSize     = 64 << 10
)

// The networks of cold pages.
const (
	roundTrip = 40 * time.Millisecond
	fastRate  = 10e6 / 8 // bytes a second
	slowRate  = 1.6e6 / 8
)

// figures are the figures of a contestant in a round, by the keys of rows.
type figures map[string]float64

// A webRunner measures contestants in a browser.
type webRunner struct {
	browser *chrome.Browser
	pages   string // address of the server of the pages
	scale   webScale
}

// empty returns the memory of an empty page.
func (r *webRunner) empty() (m chrome.Memory, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), visitWithin)
	defer cancel()
	p, err := r.browser.Open(ctx, "http://"+r.pages+"/empty/")
	if err != nil {
		return m, err
	}
	defer p.Close()
	if _, err := p.Title(ctx, "bench"); err != nil {
		return m, err
	}
	return p.Memory(ctx)
}

// once starts a contestant's server, and does all works with it. Memory is what it is beyond an empty page's.
func (r *webRunner) once(c webContestant, round int, empty chrome.Memory) (f figures, err error) {
	command, err := c.command()
	if err != nil {
		return nil, err
	}
	server, err := start(command, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	ctx, cancel := context.WithTimeout(context.Background(), visitWithin)
	defer cancel()
	f = make(figures)
	if err := r.visit(ctx, c, server.addr, f, empty); err != nil {
		return nil, fmt.Errorf("visit: %w", err)
	}
	if _, f["first answer"], err = r.cold(ctx, c, server.addr, fastRate); err != nil {
		return nil, fmt.Errorf("over a fast network: %w", err)
	}
	if f["connected"], _, err = r.cold(ctx, c, server.addr, slowRate); err != nil {
		return nil, fmt.Errorf("over a slow network: %w", err)
	}
	if round >= r.scale.uploads {
		return f, nil
	}
	if f["upload visible"], err = r.upload(ctx, c, server.addr, false); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	if f["upload hidden"], err = r.upload(ctx, c, server.addr, true); err != nil {
		return nil, fmt.Errorf("upload of a hidden page: %w", err)
	}
	return f, nil
}

func (c webContestant) url(pages, socket string) string {
	return fmt.Sprintf("http://%s/%s/?socket=%s", pages, c.page, socket)
}

// visit does the works of a page that stays connected.
func (r *webRunner) visit(ctx context.Context, c webContestant, socket string, f figures, empty chrome.Memory) error {
	p, err := r.browser.Open(ctx, c.url(r.pages, socket))
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := p.Title(ctx, "connected "); err != nil {
		return err
	}
	memory := func(when string) error {
		m, err := p.Memory(ctx)
		f["heap "+when] = m.Heap - empty.Heap
		if m.Private > 0 {
			f["private "+when] = m.Private - empty.Private
		}
		return err
	}
	if err := memory("connected"); err != nil {
		return err
	}
	w := &webWorks{page: p, ms: 1000 * r.scale.seconds}
	if err := errors.Join(w.receive(ctx, f), w.call(ctx, f), w.send(ctx, f)); err != nil {
		return err
	}
	if err := memory("loaded"); err != nil {
		return err
	}
	return errors.Join(w.burst(ctx, f, r.scale.burst), w.handlers(ctx, f, r.scale.handlers))
}

// webWorks are the works of web/page/works.mjs.
type webWorks struct {
	page *chrome.Page
	ms   float64 // how long each rate is measured
}

// run calls a function of works.mjs with arguments in JavaScript.
func (w *webWorks) run(ctx context.Context, result any, format string, args ...any) error {
	return w.page.Eval(ctx, `import("/works.mjs").then((works) => works.`+fmt.Sprintf(format, args...)+`)`, result)
}

func (w *webWorks) receive(ctx context.Context, f figures) error {
	var n, ms float64
	if err := w.run(ctx, &n, "enough('receive', %g)", w.ms); err != nil {
		return err
	}
	before, err := w.page.TaskTime(ctx)
	if err != nil {
		return err
	}
	if err := w.run(ctx, &ms, "receive(%g)", n); err != nil {
		return err
	}
	after, err := w.page.TaskTime(ctx)
	f["received"] = 1000 * n / ms
	f["main thread"] = float64(after-before) / float64(time.Millisecond) * 10_000 / n
	return err
}

func (w *webWorks) call(ctx context.Context, f figures) error {
	for key, inFlight := range map[string]int{"one by one": 1, "64 in flight": 64} {
		if err := w.run(ctx, nil, "call(%d, %g)", inFlight, w.ms/4); err != nil { // so that it is compiled
			return err
		}
		var rate float64
		if err := w.run(ctx, &rate, "call(%d, %g)", inFlight, w.ms); err != nil {
			return err
		}
		f[key] = rate
	}
	return nil
}

func (w *webWorks) send(ctx context.Context, f figures) error {
	var n, ms float64
	if err := w.run(ctx, &n, "enough('send', %g)", w.ms); err != nil {
		return err
	}
	if err := w.run(ctx, &ms, "send(%g)", n); err != nil {
		return err
	}
	f["sent"] = 1000 * n / ms
	return nil
}

func (w *webWorks) burst(ctx context.Context, f figures, n int) error {
	var frames float64
	longest, err := w.page.LongestTask(ctx, func() error { return w.run(ctx, &frames, "burst(%d, %g)", n, toil) })
	f["frames"], f["longest task"] = frames, float64(longest)/float64(time.Millisecond)
	return err
}

func (w *webWorks) handlers(ctx context.Context, f figures, n int) error {
	var took *struct{ Set, Remove float64 } // none if the contestant has no handlers of names
	if err := w.run(ctx, &took, "handlers(%d)", n); err != nil || took == nil {
		return err
	}
	f["on"], f["remove"] = 1000*took.Set/float64(n), took.Remove
	return nil
}

// cold opens a page over a slow network. It returns when the page was connected and when it had its first answer, in milliseconds since the
// navigation began.
func (r *webRunner) cold(ctx context.Context, c webContestant, socket string, rate float64) (connected, answered float64, err error) {
	network := link.New(roundTrip, rate)
	pages, err := network.Listen(r.pages)
	if err != nil {
		return 0, 0, err
	}
	defer pages.Close()
	sockets, err := network.Listen(socket)
	if err != nil {
		return 0, 0, err
	}
	defer sockets.Close()
	p, err := r.browser.Open(ctx, c.url(pages.Addr().String(), sockets.Addr().String()))
	if err != nil {
		return 0, 0, err
	}
	defer p.Close()
	title, err := p.Title(ctx, "connected ")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(title, &connected, &answered)
	return connected, answered, err
}

// upload returns how long a page takes to upload 5 MB, in milliseconds. Nothing is attached to the page.
func (r *webRunner) upload(ctx context.Context, c webContestant, socket string, hidden bool) (ms float64, err error) {
	url := fmt.Sprintf("%s&work=upload&hidden=%t&n=%d&size=%d", c.url(r.pages, socket), hidden, uploadMessages, uploadSize)
	p, err := r.browser.Open(ctx, url)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if hidden {
		if _, err := p.Title(ctx, "ready"); err != nil {
			return 0, err
		}
		if err := p.Hide(ctx); err != nil {
			return 0, err
		}
	}
	title, err := p.Title(ctx, "took ")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(title, &ms)
	return ms, err
}
