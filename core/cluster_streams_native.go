//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// How a stream reaches a client of another node:
//
//	openFar     the node that opens it has one end in the table of its line to the client's node
//	bridge      the client's node has the other end, opens a stream to the client, and copies items both ways, as there is credit
//	gotStreams  the relay's goroutine gives frames to the tables
//	flushLines  the publisher pulls frames out of the tables, when nothing else waits for the relay
//
// Each end grants credit as it takes items, so what waits between the two is bounded by their windows. A message that is missing, or a node that
// goes, ends the line with all its streams.

// A nodeLine is a line to or from another node, with its streams.
type nodeLine struct {
	k     *cluster
	at    *relay.Line[*nodeLine]
	table stream.Table

	opening lock.Mutex[lock.LineOpening] // held while a stream of this side gets its id and its frame is queued; guards lastID
	lastID  uint64

	ctx    context.Context // ends with the line
	cancel context.CancelCauseFunc

	mu      lock.Mutex[lock.NodeLine] // guards the fields below
	far     map[uint64]*atomic.Uint64 // what has reached the client, by stream; only of a line of this node
	bridges map[uint64]*bridge        // by stream; only of a line of another node
}

func (k *cluster) newLine(node uint64, ours bool) *nodeLine {
	l := &nodeLine{k: k, at: &relay.Line[*nodeLine]{Node: node}}
	l.at.Of = l
	if ours {
		l.far = make(map[uint64]*atomic.Uint64)
	} else {
		l.bridges = make(map[uint64]*bridge)
	}
	l.ctx, l.cancel = context.WithCancelCause(k.ctx)
	eng := k.srv.eng
	l.table.Init(stream.Limits{
		Window: eng.streamWindow, Growth: eng.streamGrowth, MaxItem: eng.maxItem, Most: k.opts.MaxQuestions,
		Flight: k.opts.QueueBytes / 4, Frame: int(k.most.Load()) - relay.StreamsHead,
	}, ours, eng.budget, l)
	return l
}

// Ready says that the table has frames to pull.
func (l *nodeLine) Ready(when stream.When) {
	if when == stream.Along {
		return // the answer to the next probe takes it along
	}
	l.k.lines.Due(l.at)
	l.k.wakePublisher()
}

// wakePublisher has the publisher look for frames of streams.
func (k *cluster) wakePublisher() {
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// lineTo returns the line to a node, and begins it if there is none. It returns nil if the cluster has closed.
func (k *cluster) lineTo(node uint64) *nodeLine {
	if at := k.lines.To(node); at != nil {
		return at.Of
	}
	l := k.newLine(node, true)
	ledger := &k.srv.eng.counters.streams
	ledger.Add(&l.table) // before anybody can end it
	at := k.lines.Begin(l.at)
	if at != l.at {
		ledger.Close(&l.table)
		l.cancel(nil)
	}
	if at == nil {
		return nil
	}
	if at == l.at && k.nodes.ID(node) == "" { // nobody would notice that it goes
		k.endLine(at, errNodeGone)
	}
	return at.Of
}

var (
	errNodeGone = &Error{Code: CodeConnLost, Message: "the other node has gone, or is cut off"}
	errLineLost = &Error{Code: CodeConnLost, Message: "messages between the nodes were lost"}
	errLineBad  = &Error{Code: CodeProtocol, Message: "the other node has broken the protocol"}
)

// endLine ends a line with all its streams.
func (k *cluster) endLine(at *relay.Line[*nodeLine], why error) {
	if k.lines.End(at) {
		at.Of.ended(why)
	}
}

func (l *nodeLine) ended(why error) {
	l.table.End(why)
	if l.at.Ours {
		l.k.srv.eng.counters.streams.Close(&l.table)
	}
	l.table.Uncount()
	l.cancel(why)
}

// endLines ends the lines with a node that has gone.
func (k *cluster) endLines(node uint64, why error) {
	for _, at := range k.lines.With(node) {
		at.Of.ended(why)
	}
}

// openStream opens a stream, as openStream of a connection does.
func (r *Remote) openStream(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error) {
	c, err := r.here()
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.openStream(ctx, name, arg, kind)
	}
	k := r.srv.cluster
	mw := r.srv.handlers.send
	if mw == nil {
		return k.openFar(ctx, r.ID, name, arg, kind)
	}
	return openThrough(mw, Outgoing{Frame: Frame{KindStream, name, arg}, Name: r.Name, User: r.User}, func(o *Outgoing) (*streamEnd, error) {
		return k.openFar(ctx, r.ID, o.Command, o.Payload, kind)
	})
}

// openFar opens a stream to a client of another node. It does not wait.
func (k *cluster) openFar(ctx context.Context, to ClientID, name string, arg []byte, kind streamKind) (*streamEnd, error) {
	if err := checkCommand(name); err != nil {
		return nil, err
	}
	ctx = given(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if why := k.isUp(); why != nil {
		return nil, why
	}
	l := k.lineTo(to.Node)
	if l == nil {
		return nil, errShuttingDown
	}
	s, far, err := l.open(to.Conn, name, arg, kind)
	if err != nil {
		return nil, err
	}
	e := &streamEnd{eng: k.srv.eng, s: s, far: far, own: handlerConn(ctx)}
	if ctx.Done() != nil {
		e.stop = context.AfterFunc(ctx, func() { e.cancel(ctx) })
	}
	return e, nil
}

// open begins a stream of this side, and tells the other node of it.
func (l *nodeLine) open(conn uint64, name string, arg []byte, kind streamKind) (*stream.Stream, *atomic.Uint64, error) {
	to := relay.StreamTo{Conn: conn, Bytes: kind.bytes}
	frame := wire.OpenStream{
		ID: 1 << 62, Window: uint64(l.k.srv.eng.streamWindow), Silent: kind.silent, Name: []byte(name),
		Arg: append(to.Append(make([]byte, 0, 11+len(arg))), arg...),
	}
	if wire.StreamSize(&frame)+relay.StreamsHead > int(l.k.most.Load()) {
		return nil, nil, NewError(CodeTooBig, "the stream's argument exceeds what the relay takes")
	}
	l.opening.Lock()
	defer l.opening.Unlock()
	l.lastID++
	frame.ID = l.table.ID(l.lastID)
	s, ended := l.table.Open(frame.ID, kind.silent)
	if ended != nil {
		return nil, nil, ended
	}
	s.Begin(kind.bytes)
	far := new(atomic.Uint64)
	l.mu.Lock()
	l.far[frame.ID] = far
	l.mu.Unlock()
	if !l.k.lines.Say(l.at, wire.AppendStream(nil, &frame)) {
		why := l.k.srv.later(NewError(CodeQueueFull, "too many streams wait to be opened at the client's node"))
		s.Forget(why)
		return nil, nil, why
	}
	l.k.wakePublisher()
	return s, far, nil
}

// linesBytes bounds the frames that one turn of a line takes, in bytes.
const linesBytes = 128 << 10

// turnBytes is about the size of the frames of streams that are put into the queue at a time. A line may add half of what the queue takes at the most.
func (k *cluster) turnBytes() int { return min(batchBytes, k.opts.QueueBytes/8) }

// flushLines puts frames of streams into the queue, of one line after the other, about turnBytes of them. Only the publisher calls it, when not much
// is in the queue, so streams fill no queue. It reports whether it has put any.
func (k *cluster) flushLines() (some bool) {
	for n := 0; n < k.turnBytes(); {
		turn, ok := k.lines.Next()
		if !ok {
			return some
		}
		n += turn.Line.Of.flush(turn)
		some = true
	}
	return some
}

// flush puts what a line has to say into the queue, in one or more messages, and returns its size.
func (l *nodeLine) flush(turn relay.Output[*nodeLine]) (size int) {
	most := int(l.k.most.Load()) - relay.StreamsHead
	var frames []byte
	var told []relay.Told
	if turn.Beat {
		told = l.told()
	}
	room := func() int { return most - len(told)*toldSize - len(frames) }
	send := func() {
		m := relay.Streams{Theirs: !l.at.Ours, Line: l.at.Number, Number: l.k.lines.Count(l.at), Told: told, Frames: frames}
		l.k.put(relay.Topic{To: relay.ToConn, Node: l.at.Node}, m.Append(relay.NewMessage(relay.KindStreams, l.k.self, relay.StreamsHead+toldSize*len(told)+len(frames))))
		size += len(frames)
		frames, told = frames[:0], nil
	}
	add := func(piece []byte) {
		for len(piece) > 0 {
			n := len(piece)
			if n > room() { // it goes by whole frames
				_, n, _, _ = wire.Next(piece, most) // it was made here
			}
			if n > room() && len(frames)+len(told) > 0 {
				send()
			}
			frames = append(frames, piece[:n]...)
			piece = piece[n:]
		}
	}
	if turn.Beat {
		add(wire.AppendPing(nil, beatNonce)) // the other end may have nothing else to say
	}
	if turn.Pong != 0 {
		add(wire.AppendPong(nil, turn.Pong))
	}
	for {
		p := l.table.Pull(linesBytes, time.Now())
		add(l.k.lines.Said(l.at)) // what opens a stream comes after the Pull, and goes before the stream's frames
		if p.Probe != 0 && p.First {
			add(wire.AppendPing(nil, p.Probe))
		}
		for _, piece := range p.Pieces {
			add(piece)
			pool.PutChunk(piece)
		}
		if p.Probe != 0 && !p.First {
			add(wire.AppendPing(nil, p.Probe))
		}
		if p.Next == 0 {
			break
		}
		if size+len(frames) >= linesBytes {
			l.k.lines.Due(l.at)
			break
		}
	}
	if len(frames) > 0 {
		send()
	}
	return size + relay.StreamsHead
}

// toldSize is the greatest size of a Told, in bytes.
const toldSize = 2 * binary.MaxVarintLen64

// beatNonce is the nonce of the ping of a beat, which is none of a probe.
const beatNonce = 1

// told returns how much has reached the clients since the last beat.
func (l *nodeLine) told() (told []relay.Told) {
	l.mu.Lock()
	bridges := make([]*bridge, 0, len(l.bridges))
	for _, b := range l.bridges {
		bridges = append(bridges, b)
	}
	l.mu.Unlock()
	for _, b := range bridges {
		if n, news := b.progress(); news && len(told) < relay.MaxTold {
			b.told.Store(n)
			told = append(told, relay.Told{Stream: b.far.ID(), Count: n})
		}
	}
	return told
}

// beatLines has each line with streams say that it is there, so that either end finds what is missing.
func (k *cluster) beatLines() {
	for _, at := range k.lines.All() {
		l := at.Of
		l.mu.Lock()
		for id := range l.far {
			if l.table.Find(id) == nil {
				delete(l.far, id)
			}
		}
		l.mu.Unlock()
		if l.table.Len() > 0 {
			k.lines.Beat(at)
		}
	}
	k.wakePublisher()
}
