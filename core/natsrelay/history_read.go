package natsrelay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hisock/hisock/core"
)

// A head is the end of a group's log.
type head struct {
	seq   uint64 // of the last message of NATS for the group; 0 if there is none
	epoch uint64 // 0 if there is no block
	next  uint64 // the number of the next message

	forgotten uint64 // as in the last block
}

// block returns a block for the place behind a head. It begins the log anew if it has not begun, or if its numbers are used up, which only
// a stranger can bring about.
func (h head) block() block {
	if h.epoch == 0 || h.next > maxNumber {
		return block{epoch: newEpoch(), first: 1}
	}
	return block{epoch: h.epoch, first: h.next, forgotten: h.forgotten}
}

// head returns the head of a log that ends with the block.
func (b *block) head(seq uint64) head {
	return head{seq: seq, epoch: b.epoch, next: b.next(), forgotten: b.forgotten}
}

// maxHeads bounds the heads that are remembered.
const maxHeads = 1 << 16

// sawHead remembers the head of a group, unless a later one is known.
func (l *historyLog) sawHead(group string, h head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.heads[group]; ok && known.epoch == h.epoch && known.seq >= h.seq {
		return
	}
	for g := range l.heads {
		if len(l.heads) < maxHeads {
			break
		}
		delete(l.heads, g)
	}
	l.heads[group] = h
}

func (l *historyLog) knownHead(group string) (head, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.heads[group]
	return h, ok
}

func (l *historyLog) dropHead(group string) {
	l.mu.Lock()
	delete(l.heads, group)
	l.mu.Unlock()
}

// A found is a message of NATS in the stream.
type found struct {
	seq  uint64
	id   string // of the block, which is the id of its first message
	data []byte
}

// askLeader asks the leader of the stream for one message: the last one of a group, or, if from is not 0, the first one of it from that
// sequence on. ok is false if there is none. Other servers of NATS may be behind the leader.
func (l *historyLog) askLeader(ctx context.Context, group string, from uint64) (f found, ok bool, err error) {
	ask := struct {
		Seq  uint64 `json:"seq,omitempty"`
		Last string `json:"last_by_subj,omitempty"`
		Next string `json:"next_by_subj,omitempty"`
	}{}
	if from == 0 {
		ask.Last = l.stored + group
	} else {
		ask.Seq, ask.Next = from, l.stored+group
	}
	body, err := json.Marshal(&ask)
	if err != nil {
		return f, false, err
	}
	once, cancel := context.WithTimeout(ctx, historyRequest)
	defer cancel()
	m, err := l.conn().RequestWithContext(once, "$JS.API.STREAM.MSG.GET."+l.streamName(), body)
	if err != nil {
		return f, false, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Seq  uint64 `json:"seq"`
			Data []byte `json:"data"`
			Head []byte `json:"hdrs"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return f, false, err
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return f, false, nil
	case answer.Error != nil:
		return f, false, answer.Error
	case answer.Message == nil:
		return f, false, errors.New("natsrelay: an answer of NATS without a message")
	}
	return found{seq: answer.Message.Seq, id: idOf(answer.Message.Head), data: answer.Message.Data}, true, nil
}

// idOf returns the id in the headers of a message.
func idOf(head []byte) string {
	_, head, ok := bytes.Cut(head, []byte("\r\n"))
	if !ok {
		return ""
	}
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
	if err != nil {
		return ""
	}
	for key, values := range h {
		if textproto.CanonicalMIMEHeaderKey(key) == textproto.CanonicalMIMEHeaderKey(jetstream.MsgIDHeader) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// head returns the end of a group's log. It has no epoch if the log has not begun.
func (l *historyLog) head(ctx context.Context, group string) (head, error) {
	last, ok, err := l.askLeader(ctx, group, 0)
	if err != nil || !ok {
		return head{}, err
	}
	if b, ok := parseBlock(last.data); ok {
		h := b.head(last.seq)
		l.sawHead(group, h)
		return h, nil
	}
	// Somebody who is no server has written it: look for the last block.
	h := head{seq: last.seq}
	err = l.each(ctx, group, 1, last.seq, func(f found) {
		if b, ok := parseBlock(f.data); ok {
			h = b.head(last.seq)
		}
	})
	return h, err
}

// pageOf is how many messages of NATS one request returns.
const pageOf = 256

// each calls f for each message of NATS for a group from one sequence to at least another, in order. Most of them come in pages, from any server of
// NATS; what such a server has not got comes from the leader.
func (l *historyLog) each(ctx context.Context, group string, from, to uint64, f func(found)) error {
	for from <= to {
		page, err := l.page(ctx, group, from)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			one, ok, err := l.askLeader(ctx, group, from)
			if err != nil {
				return err
			}
			if !ok {
				return nil
			}
			page = []found{one}
		}
		for _, one := range page {
			if one.seq < from {
				return errors.New("natsrelay: an answer of NATS is out of order")
			}
			from = one.seq + 1
			f(one)
		}
	}
	return nil
}

// page returns some messages of NATS for a group from a sequence on.
func (l *historyLog) page(ctx context.Context, group string, from uint64) (page []found, err error) {
	ask, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": l.stored + group, "batch": pageOf, "max_bytes": 2*l.keep.Bytes + l.options.MaxPayload})
	if err != nil {
		return nil, err
	}
	inbox := l.conn().NewRespInbox()
	sub, err := l.conn().SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // it is cut off, and forgets it
	once, cancel := context.WithTimeout(ctx, historyRequest)
	defer cancel()
	if err := l.conn().PublishMsg(&nats.Msg{Subject: "$JS.API.DIRECT.GET." + l.streamName(), Reply: inbox, Data: ask}); err != nil {
		return nil, err
	}
	for len(page) < pageOf {
		m, err := sub.NextMsgWithContext(once)
		if err != nil {
			return nil, err
		}
		seq := sequenceOf(m.Header)
		switch status := m.Header.Get("Status"); {
		case status == "" || seq > 0: // a stranger may have written a message with a status
			page = append(page, found{seq: seq, id: m.Header.Get(jetstream.MsgIDHeader), data: m.Data})
		case status == "204" || status == "404": // the end, nothing
			return page, nil
		default:
			return nil, fmt.Errorf("natsrelay: NATS refuses a read: %s %s", status, m.Header.Get("Description"))
		}
	}
	return page, nil
}

// Read implements [core.HistoryLog].
func (l *historyLog) Read(ctx context.Context, group string, epoch, after uint64) (part core.HistoryPart, err error) {
	ctx, end := l.during(ctx)
	defer end()
	if err := l.ready(ctx); err != nil {
		return part, l.explain(ctx, err)
	}
	from := uint64(1)
	if known, ok := l.knownHead(group); ok && known.epoch == epoch && known.next == after+1 {
		from = known.seq + 1
	}
	last, err := l.head(ctx, group)
	if err == nil && last.epoch == 0 {
		last, err = l.begin(ctx, group, last.seq)
	}
	if err != nil {
		return part, l.explain(ctx, err)
	}
	if last.epoch == epoch && last.next == after+1 {
		return core.HistoryPart{Epoch: epoch, First: last.next, Forgotten: last.forgotten}, nil
	}
	if last.epoch != epoch { // perhaps of another stream
		from = 1
	}
	if from > 1 {
		part = core.HistoryPart{Epoch: epoch, First: after + 1, Forgotten: last.forgotten}
	}
	held := 0
	err = l.each(ctx, group, from, last.seq, func(f found) {
		b, ok := parseBlock(f.data)
		if !ok {
			return
		}
		if b.epoch != part.Epoch || b.first != part.Next() || b.forgotten == b.first {
			part, held = core.HistoryPart{Epoch: b.epoch, First: b.first}, 0
		}
		part.Forgotten = b.forgotten
		for _, m := range b.messages {
			held += len(m)
		}
		part.Messages = append(part.Messages, b.messages...)
		for len(part.Messages) > l.keep.Messages || held > l.keep.Bytes {
			held -= len(part.Messages[0])
			part.Messages[0] = nil
			part.Messages = part.Messages[1:]
			part.First++
		}
	})
	if err != nil {
		return core.HistoryPart{}, l.explain(ctx, err)
	}
	if part.Epoch == 0 {
		part.Epoch, part.First, part.Forgotten = last.epoch, last.next, last.forgotten
	}
	if part.Epoch == epoch && part.First <= after && after < part.Next() {
		part.Messages = part.Messages[after+1-part.First:]
		part.First = after + 1
	}
	return part, nil
}

// begin begins the log of a group, unless another server is faster. seq is the last message of NATS for the group, which is no block, or 0.
func (l *historyLog) begin(ctx context.Context, group string, seq uint64) (head, error) {
	b := block{epoch: newEpoch(), first: 1}
	stored, err := l.publish(ctx, group, &b, seq, "")
	switch {
	case err == nil:
		h := b.head(stored)
		l.sawHead(group, h)
		return h, nil
	case mustLook(err):
		h, err := l.head(ctx, group)
		if err == nil && h.epoch == 0 {
			err = errLate
		}
		return h, err
	}
	return head{}, err
}

func newEpoch() uint64 {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return binary.BigEndian.Uint64(b[:]) | 1
}

// errTwice says that a block with the same id has been stored before.
var errTwice = errors.New("natsrelay: the block is there already")

// publish stores a block behind the message of NATS with a sequence. It returns the sequence of the block, errConflict if another message
// is the last one of the group, errTwice, or errLate if the block may have been stored or not.
func (l *historyLog) publish(ctx context.Context, group string, b *block, behind uint64, id string) (uint64, error) {
	once, cancel := context.WithTimeout(ctx, historyRequest)
	defer cancel()
	m := &nats.Msg{Subject: l.stored + group, Data: b.encode(), Header: nats.Header{}}
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(behind, 10))
	if id != "" {
		m.Header.Set(jetstream.MsgIDHeader, id)
	}
	answer, err := l.conn().RequestMsgWithContext(once, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders): // there is no stream
		l.forget()
		return 0, err
	case err != nil:
		return 0, errors.Join(errLate, err)
	}
	var ack struct {
		Error     *jetstream.APIError `json:"error"`
		Sequence  uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, errors.Join(errLate, err)
	}
	switch {
	case ack.Error == nil && ack.Duplicate && ack.Sequence > 0:
		return ack.Sequence, errTwice
	case ack.Error == nil && ack.Sequence > 0:
		return ack.Sequence, nil
	case ack.Error == nil:
		return 0, errLate
	case ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence, ack.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return 0, errConflict
	}
	return 0, ack.Error
}
