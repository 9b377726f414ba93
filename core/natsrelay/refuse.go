package natsrelay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// object notes what NATS does not allow the node.
func (n *node) object(err error) {
	n.mu.Lock()
	n.objection = err
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
	if most := n.conn.MaxPayload(); most < int64(n.options.MaxPayload) {
		return tooSmall(most, n.options.MaxPayload)
	}
	// NATS' client tells of errors later than Flush returns.
	if err := n.conn.LastError(); n.isRefusal(err) {
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

// retry connects anew if the node was refused: NATS may allow it now, or another server of NATS.
func (n *node) retry() {
	n.mu.Lock()
	refused := n.refused
	n.mu.Unlock()
	if refused {
		n.conn.ForceReconnect() //nolint:errcheck // it is closed
	}
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
