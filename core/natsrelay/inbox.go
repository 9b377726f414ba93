package natsrelay

import (
	"sync"

	"github.com/hisock/hisock/core"
)

// What a message costs beside its payload, in bytes, about.
const messageCost = 128

// An inbox holds what a node's handler is still to be told, in order. Messages that do not fit are dropped, and the
// handler is told how many; events always fit, because there is at most one between two messages that were taken, or one for each change of the connection.
type inbox struct {
	handler core.RelayHandler
	most    int           // bytes
	ended   chan struct{} // closed when the handler is told nothing more

	mu     sync.Mutex // guards the fields below
	wake   sync.Cond
	events []event
	held   int // bytes of messages that were not handled yet
	closed bool
}

type eventKind byte

const (
	gotMessage eventKind = iota
	wentUp
	wentDown
	lostMessages
	lostClaims
)

type event struct {
	kind    eventKind
	topic   string
	payload []byte
	n       int   // of lostMessages
	why     error // of wentDown
}

func newInbox(h core.RelayHandler, most int) *inbox {
	in := &inbox{handler: h, most: most, ended: make(chan struct{})}
	in.wake.L = &in.mu
	go in.deliver()
	return in
}

// message adds a message. The inbox keeps payload.
func (in *inbox) message(topic string, payload []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	cost := len(payload) + messageCost
	if in.held+cost > in.most {
		in.loseLocked(1)
		return
	}
	in.held += cost
	in.addLocked(event{kind: gotMessage, topic: topic, payload: payload})
}

// lose notes that n messages for the node were dropped.
func (in *inbox) lose(n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.loseLocked(n)
}

func (in *inbox) loseLocked(n int) {
	if last := len(in.events) - 1; last >= 0 && in.events[last].kind == lostMessages {
		in.events[last].n += n
		return
	}
	in.addLocked(event{kind: lostMessages, n: n})
}

func (in *inbox) tell(e event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.addLocked(e)
}

func (in *inbox) addLocked(e event) {
	if in.closed {
		return
	}
	in.events = append(in.events, e)
	in.wake.Signal()
}

// deliver tells the handler of the events until the inbox is closed.
func (in *inbox) deliver() {
	defer close(in.ended)
	var batch []event
	for {
		in.mu.Lock()
		for len(in.events) == 0 && !in.closed {
			in.wake.Wait()
		}
		batch, in.events = in.events, batch[:0]
		closed := in.closed
		in.mu.Unlock()
		if closed {
			return
		}
		for i := range batch {
			if !in.handle(&batch[i]) {
				return
			}
			batch[i] = event{}
		}
		if cap(batch) > 4096 {
			batch = nil
		}
	}
}

// handle tells the handler of an event. It returns false if the inbox is closed.
func (in *inbox) handle(e *event) bool {
	in.mu.Lock()
	closed := in.closed
	in.mu.Unlock()
	if closed {
		return false
	}
	switch e.kind {
	case gotMessage:
		in.handler.Message(e.topic, e.payload)
		in.mu.Lock()
		in.held -= len(e.payload) + messageCost
		in.mu.Unlock()
	case wentUp:
		in.handler.Up()
	case wentDown:
		in.handler.Down(e.why)
	case lostMessages:
		in.handler.Lost(e.n)
	case lostClaims:
		in.handler.ClaimsLost()
	}
	return true
}

// close drops what waits. Once ended is closed, the handler is told nothing more.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.events = nil
	in.wake.Signal()
}
