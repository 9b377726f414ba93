package relay

import (
	"github.com/hisock/hisock/core/internal/lock"
)

// A Queue has what waits to be published, and the topics whose subscription has to change. Senders put messages into it and never
// wait; one goroutine, the publisher, takes them out. When there are more bytes than the limit, the oldest messages are dropped.
//
// Messages are numbered within their topic as they are put, so that receivers find gaps, also of messages that were dropped here.
//
// All methods are safe for concurrent use.
type Queue struct {
	wake  chan struct{} // has an element when there may be something to take
	limit int           // bytes

	mu      lock.Mutex[lock.RelayQueue] // guards the fields below
	waiting []Message                   // oldest first, from head on
	head    int
	bytes   int // of waiting
	topics  map[Topic]*topic
	most    int // topics at which those that are remembered only for their numbers are forgotten
	lap     uint32
	changed []*topic          // whose subscription may have to change
	subs    map[string]uint64 // the serial number of each subscription, by topic at the relay
	serial  uint64            // of the last subscription
	dropped uint64            // messages
	closed  bool
}

// A Topic is an audience whose messages go to a topic of their own.
type Topic struct {
	To   Audience
	Name string
	Node uint64 // for ToConn: the node whose topic it is
}

// A topic is what is known of a Topic.
type topic struct {
	of     Topic
	name   string // at the relay
	number uint64 // of the last message in this lap
	wanted bool   // there are clients for whom it is
	is     bool   // it is subscribed to, or the publisher is about to do it
	listed bool   // it is in changed
}

// A Message waits to be published.
type Message struct {
	Topic   string
	Payload []byte
	tries   int // how often it was returned as the first
}

// A Change is a subscription to begin or to end.
type Change struct {
	Topic string
	Begin bool
}

// cost is what a message takes beside its payload, in bytes.
const cost = 64

// maxTopics bounds the topics that are remembered only for their numbers.
const maxTopics = 1 << 16

// NewQueue returns an empty queue for limit bytes.
func NewQueue(limit int) *Queue {
	return &Queue{wake: make(chan struct{}, 1), limit: limit, most: maxTopics, topics: make(map[Topic]*topic), subs: make(map[string]uint64)}
}

// Wake has an element when there may be something to take.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

func (q *Queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// topicLocked returns what is known of a topic, and notes it if it is new.
func (q *Queue) topicLocked(of Topic) *topic {
	t := q.topics[of]
	if t != nil {
		return t
	}
	if len(q.topics) >= q.most {
		q.forgetLocked()
	}
	t = &topic{of: of}
	if of.To == ToConn {
		t.name = TopicOfNode(of.Node)
	} else {
		t.name = TopicOf(of.To, of.Name)
	}
	q.topics[of] = t
	return t
}

// forgetLocked forgets all numbers, and the topics that are remembered for nothing else.
func (q *Queue) forgetLocked() {
	q.lap++
	for of, t := range q.topics {
		if t.number = 0; !t.wanted && !t.is && !t.listed {
			delete(q.topics, of)
		}
	}
	q.most = max(maxTopics, 2*len(q.topics))
}

// Put numbers a message that NewMessage has begun, and queues it. The queue owns it from then on. Put returns where the message is
// among others, without the node; its number is 0 if it has not been queued.
func (q *Queue) Put(of Topic, message []byte) (at Mark) {
	wake := false
	q.mu.Lock()
	if !q.closed {
		at, wake = q.putLocked(q.topicLocked(of), message)
	}
	q.mu.Unlock()
	if wake {
		q.wakeUp()
	}
	return at
}

// PutAll is Put for messages between which no other one goes. It returns where the last one is.
func (q *Queue) PutAll(of Topic, messages [][]byte) (at Mark) {
	wake := false
	q.mu.Lock()
	for _, m := range messages {
		if !q.closed {
			var first bool
			at, first = q.putLocked(q.topicLocked(of), m)
			wake = wake || first
		}
	}
	q.mu.Unlock()
	if wake {
		q.wakeUp()
	}
	return at
}

// putLocked also reports whether nothing has waited before.
func (q *Queue) putLocked(t *topic, message []byte) (at Mark, first bool) {
	t.number++
	number(message, q.lap, t.number)
	at = Mark{Topic: t.name, Lap: q.lap, Number: t.number}
	first = len(q.waiting) == q.head
	q.waiting = append(q.waiting, Message{Topic: t.name, Payload: message})
	q.bytes += len(message) + cost
	for q.bytes > q.limit && len(q.waiting)-q.head > 1 {
		q.shiftLocked()
		q.dropped++
	}
	return at, first
}

// Marks returns how far this node has sent on topics, without the node. Topics without a message are left out.
func (q *Queue) Marks(topics []Topic) (marks []Mark) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, of := range topics {
		if t := q.topics[of]; t != nil && (t.number > 0 || q.lap > 0) {
			marks = append(marks, Mark{Topic: t.name, Lap: q.lap, Number: t.number})
		}
	}
	return marks
}

// IsSubscribed reports whether all topics are subscribed to, or the publisher is about to do it before it publishes what is put from now on.
func (q *Queue) IsSubscribed(topics []Topic) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, of := range topics {
		if t := q.topics[of]; t == nil || !t.is {
			return false
		}
	}
	return true
}

// shiftLocked takes the oldest message.
func (q *Queue) shiftLocked() Message {
	m := q.waiting[q.head]
	q.waiting[q.head] = Message{}
	q.bytes -= len(m.Payload) + cost
	if q.head++; q.head == len(q.waiting) {
		q.waiting, q.head = q.waiting[:0], 0
	} else if q.head >= 1024 && q.head*2 >= len(q.waiting) {
		n := copy(q.waiting, q.waiting[q.head:])
		clear(q.waiting[n:])
		q.waiting, q.head = q.waiting[:n], 0
	}
	return m
}

// Want says whether there are clients for whom a topic is. Of several goroutines that say it, each looks again after it has said it, so that the
// last one says what holds.
func (q *Queue) Want(of Topic, wanted bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	t := q.topics[of]
	if t == nil && !wanted {
		return
	}
	if t == nil {
		t = q.topicLocked(of)
	}
	if t.wanted == wanted {
		return
	}
	t.wanted = wanted
	if !t.listed {
		t.listed = true
		q.changed = append(q.changed, t)
		q.wakeUp()
	}
}

// Changes takes the subscriptions to change, at most most of them.
func (q *Queue) Changes(most int) []Change {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.changed))
	var changes []Change
	for _, t := range q.changed[:n] {
		t.listed = false
		if t.is != t.wanted {
			t.is = t.wanted
			if t.is {
				q.serial++
				q.subs[t.name] = q.serial
			} else {
				delete(q.subs, t.name)
			}
			changes = append(changes, Change{Topic: t.name, Begin: t.is})
		}
		if !t.is && t.number == 0 {
			delete(q.topics, t.of)
		}
	}
	clear(q.changed[:n])
	if q.changed = q.changed[n:]; len(q.changed) == 0 {
		q.changed = nil
	}
	return changes
}

// Take takes the oldest messages, of about most bytes.
func (q *Queue) Take(most int, into []Message) []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := 0; n < most && q.head < len(q.waiting); {
		m := q.shiftLocked()
		n += len(m.Payload) + cost
		into = append(into, m)
	}
	return into
}

// maxTries is how often the first message of a batch may fail.
const maxTries = 3

// Return puts messages back that could not be published, at the head. The first is dropped if it has been returned as the first too often.
func (q *Queue) Return(messages []Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(messages) == 0 {
		return
	}
	if messages[0].tries++; messages[0].tries >= maxTries {
		messages = messages[1:]
		q.dropped++
	}
	kept := make([]Message, 0, len(messages)+len(q.waiting)-q.head)
	kept = append(append(kept, messages...), q.waiting[q.head:]...)
	q.waiting, q.head = kept, 0
	for _, m := range messages {
		q.bytes += len(m.Payload) + cost
	}
	for q.bytes > q.limit && len(q.waiting)-q.head > 1 {
		q.shiftLocked()
		q.dropped++
	}
}

// Subscription returns the serial number of the subscription to a topic at the relay, or 0 if there is none. A later
// subscription has another one: what came between two of them was not lost.
func (q *Queue) Subscription(topic string) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.subs[topic]
}

// Waiting returns the bytes that wait, and how many messages have been dropped.
func (q *Queue) Waiting() (bytes int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes, q.dropped
}

// Close drops what waits, and makes Put do nothing.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.dropped += uint64(len(q.waiting) - q.head)
	q.waiting, q.head, q.bytes, q.changed = nil, 0, 0, nil
	q.wakeUp()
}
