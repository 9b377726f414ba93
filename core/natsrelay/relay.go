package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/core"
)

// Errors of relays and nodes. The methods wrap them.
var (
	// ErrDown is the error of a node that is cut off from NATS.
	ErrDown = errors.New("natsrelay: cut off from NATS")

	// ErrClosed is the error of a node that was closed.
	ErrClosed = errors.New("natsrelay: the node is closed")

	// ErrUndecided says that NATS cannot decide about claims at present, for instance because JetStream has no majority.
	ErrUndecided = errors.New("natsrelay: claims cannot be decided now")

	// ErrTooLong says that a payload is longer than MaxPayload.
	ErrTooLong = errors.New("natsrelay: the payload is too long")

	// ErrOptions says that options cannot be used.
	ErrOptions = errors.New("natsrelay: options")
)

// Options of a relay. The zero value of each field, except Servers, means its default.
type Options struct {
	// Servers are the addresses of NATS, for instance "nats://10.0.0.7:4222" or "tls://nats.example.com". One is enough to find the others.
	Servers []string

	// Prefix keeps clusters apart that use the same NATS. It is one or several tokens of A–Z, a–z, 0–9, "-" and "_",
	// with dots between them, of at most 64 bytes. The default is "hisock".
	Prefix string

	// Lease is how long claims last when NATS does not hear of their node, at least 2 s. Nodes of a cluster may differ. The default is 15 s.
	Lease time.Duration

	// Replicas is how many servers of NATS hold the claims: 1, 3 or 5. It takes effect when the first node of a cluster joins.
	// The default is 1; a cluster of NATS should have 3.
	Replicas int

	// MaxPayload is the greatest payload of a message, in bytes. It must not be above NATS' own max_payload. The default is 1 MiB, as in NATS.
	MaxPayload int

	// MaxPending bounds what waits for a node that is slow, in bytes. What does not fit is dropped and counted. The default is 64 MiB.
	MaxPending int

	// NATS are further options of the connections, for instance nats.UserCredentials or nats.Secure. Options that this package sets itself
	// have no effect: echo, reconnecting, pings, time-outs and handlers of the connection's state.
	NATS []nats.Option
}

const (
	minLease   = 2 * time.Second
	maxPrefix  = 64
	minPending = 1 << 20
)

// A Relay joins nodes to a cluster. It is safe for concurrent use, and holds no connection itself: each node has one.
type Relay struct {
	options Options
}

var _ core.Relay = (*Relay)(nil)

// New returns a relay with these options. It does not connect; an error wraps [ErrOptions].
func New(o Options) (*Relay, error) {
	if o.Prefix == "" {
		o.Prefix = "hisock"
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = 1 << 20
	}
	if o.MaxPending == 0 {
		o.MaxPending = 64 << 20
	}
	switch {
	case len(o.Servers) == 0:
		return nil, fmt.Errorf("%w: no server is given", ErrOptions)
	case !isPrefix(o.Prefix):
		return nil, fmt.Errorf("%w: the prefix %.80q is not made of tokens", ErrOptions, o.Prefix)
	case o.Lease < minLease:
		return nil, fmt.Errorf("%w: a lease of %v is too short", ErrOptions, o.Lease)
	case o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5:
		return nil, fmt.Errorf("%w: %d replicas", ErrOptions, o.Replicas)
	case o.MaxPayload < core.MinRelayPart:
		return nil, fmt.Errorf("%w: MaxPayload is below %d", ErrOptions, core.MinRelayPart)
	case o.MaxPending < minPending:
		return nil, fmt.Errorf("%w: MaxPending is below %d", ErrOptions, minPending)
	}
	return &Relay{options: o}, nil
}

// Join implements [core.Relay]. It fails if NATS refuses the credentials, or allows no payloads of MaxPayload. It tries each server once: if
// the network is silent, it waits a third of the lease for each, unless ctx ends.
func (r *Relay) Join(ctx context.Context, id string, h core.RelayHandler) (core.RelayNode, error) {
	if !isToken(id) || len(id) > core.MaxRelayToken {
		return nil, fmt.Errorf("%w: the id %.80q is not a token", ErrOptions, id)
	}
	return join(ctx, r.options, id, h)
}

func isPrefix(s string) bool {
	if len(s) > maxPrefix {
		return false
	}
	for token := range strings.SplitSeq(s, ".") {
		if !isToken(token) {
			return false
		}
	}
	return true
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != ""
}
