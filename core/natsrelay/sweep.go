package natsrelay

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How often a node looks for claims of nodes that are gone, on average, and how many entries it reads at a time.
const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 256
)

// sweepLater returns the time until the next sweep. It differs, so that the nodes of a cluster share the work.
func sweepLater() time.Duration {
	return sweepEvery/2 + rand.N(sweepEvery)
}

// sweep removes the claims whose leases are over, which nobody has taken over. It returns how many it has removed.
func (n *node) sweep(ctx context.Context) (removed int, err error) {
	stream, err := n.store().open(ctx)
	if err != nil {
		return 0, err
	}
	prefix := n.store().subjects
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{prefix + claimEntry + ">"},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
		// A reset takes no context, so it does not try for ever.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return 0, err
	}
	for left := uint64(1); left > 0 && ctx.Err() == nil; {
		msgs, err := consumer.Fetch(sweepBatch, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return removed, err
		}
		left = 0
		for m := range msgs.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return removed, err
			}
			left = meta.NumPending
			free, err := n.sweepEntry(ctx, strings.TrimPrefix(m.Subject(), prefix), entry{data: m.Data(), revision: meta.Sequence.Stream})
			if err != nil {
				return removed, err
			}
			if free {
				removed++
			}
		}
		if err := msgs.Error(); err != nil {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

// sweepEntry removes an entry if it is free and does not end by itself.
func (n *node) sweepEntry(ctx context.Context, key string, e entry) (removed bool, err error) {
	if len(e.data) == 0 {
		return false, nil // it was released
	}
	if c, ok := parseClaim(e.data); ok {
		if over, err := n.isOver(ctx, c.lease); err != nil || !over {
			return false, err
		}
	}
	_, err = n.store().put(ctx, key, nil, e.revision, releasedTime)
	if errors.Is(err, errConflict) {
		return false, nil // somebody has it
	}
	return err == nil, err
}
