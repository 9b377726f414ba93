//go:build !js

package core

import (
	"context"
	"sync"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/safe"
)

// records are those at a client who wait for the record of another. Answers say of nobody whose they
// are, so they come in the order of the questions; one that nobody waits for any more takes its answer all
// the same.
type records struct {
	mu      sync.Mutex // guards the field below
	waiting []chan []byte
}

// maxRecords is how many answers a client waits for at most.
const maxRecords = 64

// ask notes one who waits, and sends the question, in that order.
func (r *records) ask(send func() error) (chan []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= maxRecords {
		return nil, NewError(CodeTooManyCalls, "too many records are asked for")
	}
	if err := send(); err != nil {
		return nil, err
	}
	ch := make(chan []byte, 1)
	r.waiting = append(r.waiting, ch)
	return ch, nil
}

// got hands an answer to the first who waits. It reports whether one did.
func (r *records) got(answer []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return false
	}
	r.waiting[0] <- append([]byte(nil), answer...)
	r.waiting = r.waiting[1:]
	return true
}

// gotRecord takes a command that is the answer of a server in Go. It reports whether it was one.
func (p *classicPeer) gotRecord(c *Conn, payload []byte) bool {
	name, content, err := p.parseMarked(payload, c.eng.maxFrame)
	if string(name) != classic.RecordCommand {
		return false
	}
	if err != nil {
		content = nil // which is no record either
	}
	return p.records.got(content)
}

// askRecord is [Conn.Record] of a peer of the original.
func (p *classicPeer) askRecord(ctx context.Context, c *Conn, who string) (Presence, error) {
	switch {
	case !p.toServer:
		return Presence{}, NewError(CodeUnsupported, "a client has no records")
	case p.dialect() == Dialect002:
		return Presence{}, NewError(CodeUnsupported, "a server of 0.0.2 has no records for its clients")
	case ctx.Err() != nil:
		return Presence{}, c.waitError(ctx)
	}
	if err := checkName(who, defaultMaxHello); err != nil {
		return Presence{}, err
	}
	question := classic.AppendAsk(nil, p.headerLen, who, !p.manner().markers)
	if !p.fits(question) {
		return Presence{}, NewError(CodeTooBig, "the name does not fit the header")
	}
	ch, err := p.records.ask(func() error { return c.sendOwn(question) })
	if err != nil {
		return Presence{}, err
	}
	own := handlerConn(ctx)
	if own == c {
		c.depends.Add(1)
		defer c.depends.Add(-1)
	}
	yield(own)
	select {
	case answer := <-ch:
		return parseRecord(answer, who)
	case <-ctx.Done():
		return Presence{}, c.waitError(ctx)
	case <-c.ctx.Done():
		return Presence{}, c.closedError()
	}
}

func parseRecord(answer []byte, who string) (Presence, error) {
	of, ok, err := classic.ParseRecord(answer)
	switch {
	case err != nil:
		e := wireError(err)
		return Presence{}, remoteError(e.Code, e.Message, 0)
	case !ok:
		return Presence{}, remoteError(CodeUnknownClient, "nobody is called or at "+safe.Text(who), 0)
	}
	return presenceOf(of), nil
}
