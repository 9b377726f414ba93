package natsrelay

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hisock/hisock/core"
)

// A progress is how far Append has come with a group of its batch, in case that the batch comes again.
type progress struct {
	first  string // the id of the first message of the group in the batch
	done   int    // so many of its messages are stored
	doubt  bool   // the block that begins with the next message may be stored too
	behind uint64 // then it is behind this sequence
}

// appendAtOnce is how many groups are appended to at one time, and maxDone of how many it is remembered how far Append has come.
const (
	appendAtOnce = 64
	maxDone      = 4096
)

// Append implements [core.HistoryLog]. The blocks of a group follow each other; several groups are appended to at one time.
func (l *historyLog) Append(ctx context.Context, batch []core.HistoryMessage) error {
	ctx, end := l.during(ctx)
	defer end()
	if err := l.ready(ctx); err != nil {
		return l.explain(ctx, err)
	}
	var order []string
	byGroup := make(map[string][]core.HistoryMessage)
	for _, m := range batch {
		if len(byGroup[m.Group]) == 0 {
			order = append(order, m.Group)
		}
		byGroup[m.Group] = append(byGroup[m.Group], m)
	}
	states := make([]progress, len(order))
	errs := make([]error, len(order))
	var all sync.WaitGroup
	slots := make(chan struct{}, appendAtOnce)
	for i, group := range order {
		messages := byGroup[group]
		states[i] = progress{first: messages[0].ID}
		if p := l.done[group]; p.first == messages[0].ID {
			states[i] = p
		}
		slots <- struct{}{}
		all.Go(func() {
			errs[i] = l.appendTo(ctx, group, messages, &states[i])
			<-slots
		})
	}
	all.Wait()
	err := errors.Join(errs...)
	for i, group := range order {
		l.done[group] = states[i]
	}
	if err == nil {
		for g := range l.done { // what was appended before need not be remembered
			if len(l.done) <= maxDone {
				break
			}
			delete(l.done, g)
		}
	}
	return l.explain(ctx, err)
}

// appendTo appends messages to the log of one group.
func (l *historyLog) appendTo(ctx context.Context, group string, messages []core.HistoryMessage, p *progress) error {
	at, known := l.knownHead(group)
	lost := 0
	for p.done < len(messages) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if p.doubt {
			if err := l.resolve(ctx, group, messages, p); err != nil {
				return err
			}
			known = false
			continue
		}
		if !known {
			var err error
			if at, err = l.head(ctx, group); err != nil {
				return err
			}
		}
		b := at.block()
		size := 0
		for _, m := range messages[p.done:min(len(messages), p.done+l.blockMost)] {
			if size += len(m.Data); size > blockBytes && len(b.messages) > 0 {
				break
			}
			b.messages = append(b.messages, m.Data)
		}
		seq, err := l.publish(ctx, group, &b, at.seq, messages[p.done].ID)
		switch {
		case err == nil:
			p.done += len(b.messages)
			at, known = b.head(seq), true
			l.sawHead(group, at)
		case errors.Is(err, errConflict):
			known = false
			l.dropHead(group)
			lost++
			if err := pause(ctx, lost); err != nil {
				return err
			}
		case errors.Is(err, errTwice): // an earlier attempt, which had the same messages
			p.done += len(b.messages)
			known = false
		case errors.Is(err, errLate):
			p.doubt, p.behind = true, at.seq
			return err
		default:
			return err
		}
	}
	return nil
}

// pause waits a moment after the servers have got into each other's way, longer each time.
func pause(ctx context.Context, lost int) error {
	if lost < 2 {
		return nil
	}
	t := time.NewTimer(rand.N(time.Duration(min(lost, 20)) * time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// resolve finds out whether a block in doubt was stored: then it is in the log behind its place.
func (l *historyLog) resolve(ctx context.Context, group string, messages []core.HistoryMessage, p *progress) error {
	last, ok, err := l.askLeader(ctx, group, 0)
	if err != nil {
		return err
	}
	stored := 0
	if ok && last.seq > p.behind {
		err = l.each(ctx, group, p.behind+1, last.seq, func(f found) {
			if b, ok := parseBlock(f.data); ok && f.id == messages[p.done].ID {
				stored = min(len(b.messages), len(messages)-p.done)
			}
		})
		if err != nil {
			return err
		}
	}
	p.done += stored
	p.doubt = false
	return nil
}

// A forgetting is a Forget under way, in case that it comes again.
type forgetting struct {
	group string
	id    string // of the block that says it
	seq   uint64 // of that block; 0 until it is stored
}

// Forget implements [core.HistoryLog]. A block without messages takes the place of the others, and those that follow say it too.
func (l *historyLog) Forget(ctx context.Context, group string) error {
	ctx, end := l.during(ctx)
	defer end()
	if l.gone.group != group {
		l.gone = forgetting{group: group, id: "forget-" + strconv.FormatUint(newEpoch(), 36)}
	}
	err := l.ready(ctx)
	for lost := 0; err == nil && l.gone.seq == 0; lost++ {
		var at head
		if at, err = l.head(ctx, group); err != nil {
			break
		}
		b := at.block()
		b.forgotten = b.first
		var seq uint64
		seq, err = l.publish(ctx, group, &b, at.seq, l.gone.id)
		switch {
		case errors.Is(err, errConflict):
			err = pause(ctx, lost)
		case errors.Is(err, errTwice): // by the call before
			l.gone.seq, err = seq, nil
		case err == nil:
			l.gone.seq = seq
			l.sawHead(group, b.head(seq))
		}
	}
	if err == nil {
		err = l.purge(ctx, group, l.gone.seq)
	}
	if err == nil {
		l.gone = forgetting{}
	}
	return l.explain(ctx, err)
}

// purge drops the messages of NATS for a group before a sequence.
func (l *historyLog) purge(ctx context.Context, group string, before uint64) error {
	stream, err := l.via.Load().js.Stream(ctx, l.streamName())
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(l.stored+group), jetstream.WithPurgeSequence(before))
}
