package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// object notes what NATS does not allow the node.
func (n *node) object(err error) {
	n.mu.Lock()
	n.objection = err
	if subject := publishDenied(err); strings.HasPrefix(subject, n.subject) && len(n.denied) < maxDenied && !slices.Contains(n.denied, subject) {
		n.denied = append(n.denied, subject)
	}
	n.mu.Unlock()
	if n.isRefusal(err) {
		n.refuse(err)
	}
}

// isRefusal reports whether NATS has refused messages of the cluster. Requests about claims are something else: a node without claims
// can still publish.
func (n *node) isRefusal(err error) bool {
	return errors.Is(err, nats.ErrMaxSubscriptionsExceeded) ||
		errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `"`+n.subject)
}

// unfit returns why the node cannot use the connection that it has, or nil.
func (n *node) unfit() error {
	if most := n.nats().MaxPayload(); most < int64(n.options.MaxPayload) {
		return tooSmall(most, n.options.MaxPayload)
	}
	// NATS' client tells of errors later than Flush returns.
	if err := n.nats().LastError(); n.isRefusal(err) {
		return err
	}
	return nil
}

// tooSmall says that NATS takes no payloads of MaxPayload.
func tooSmall(most int64, wanted int) error {
	return fmt.Errorf("%w: NATS takes payloads of %d bytes at most, and MaxPayload is %d", ErrOptions, most, wanted)
}

// refuse keeps the node down although it is connected, until the keeper has made another connection. The handler is told once of each reason.
func (n *node) refuse(why error) {
	why = fmt.Errorf("%w: %w", ErrDown, why)
	n.mu.Lock()
	defer n.mu.Unlock()
	told := !n.up && n.why != nil && n.why.Error() == why.Error()
	n.refused = true
	n.why = why
	if n.up {
		n.downLocked()
	} else if !told {
		n.inbox.tell(event{kind: wentDown, why: why})
	}
}

// retry connects anew if the node was refused, or if NATS' client has closed the connection for good: NATS may allow it now, or another
// server of NATS.
func (n *node) retry(patience time.Duration) {
	if n.nats().IsClosed() {
		n.replace(patience)
		return
	}
	n.mu.Lock()
	refused := n.refused
	n.mu.Unlock()
	if refused {
		n.nats().ForceReconnect() //nolint:errcheck // it is closed
	}
}

// replace makes another connection in place of one that was closed for good, with all subscriptions.
func (n *node) replace(patience time.Duration) {
	ctx, cancel := context.WithTimeout(n.life, patience)
	defer cancel()
	c, err := n.connect(ctx)
	if err != nil {
		if n.life.Err() == nil {
			n.refuse(err)
		}
		return
	}
	n.subscribing.Lock()
	defer n.subscribing.Unlock()
	for topic := range n.topics {
		n.topics[topic], _ = c.conn.ChanSubscribe(n.subject+topic, n.pipe) //nolint:errcheck // it is closed again
	}
	n.client.Store(c)
	n.mu.Lock()
	n.refused = false
	n.mu.Unlock()
	n.look()
}

// maxDenied bounds the subjects that are tried before the node is up again.
const maxDenied = 64

// publishDenied returns the subject to which NATS has not allowed to publish, or "".
func publishDenied(err error) string {
	_, text, ok := strings.Cut(err.Error(), `Publish to "`)
	if !ok {
		return ""
	}
	subject, _, _ := strings.Cut(text, `"`)
	return subject
}

// trial is a header of a message that finds out whether NATS allows the node to publish. Nodes drop it.
const trial = "Hisock-Trial"

func isTrial(m *nats.Msg) bool { return len(m.Header) > 0 && m.Header.Get(trial) != "" }

// tryDenied publishes to the subjects that NATS has denied before, and returns how many they are. So the node is not up, and down again with the next message.
func (n *node) tryDenied() int {
	n.mu.Lock()
	denied := slices.Clone(n.denied)
	n.mu.Unlock()
	for _, subject := range denied {
		m := nats.NewMsg(subject)
		m.Header.Set(trial, "1")
		n.nats().PublishMsg(m) //nolint:errcheck // the flush after it fails too
	}
	return len(denied)
}

// cutOffLocked returns why the node is down.
func (n *node) cutOffLocked() error {
	if n.why != nil {
		return n.why
	}
	return ErrDown
}

// undecidedLocked returns ErrUndecided, with what NATS does not allow.
func (n *node) undecidedLocked() error {
	if n.objection != nil {
		return fmt.Errorf("%w: %w", ErrUndecided, n.objection)
	}
	return ErrUndecided
}
