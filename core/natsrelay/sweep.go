package natsrelay

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How often a node would look for claims of nodes that are gone, on average, how long nobody does after one has begun, and how many entries it reads at a time.
const (
	sweepEvery = 10 * time.Minute
	sweepRest  = sweepEvery / 2
	sweepBatch = 256
)

// The entry that says that a node has begun a sweep within sweepRest, and what it holds.
const (
	sweepTurn = "sweep"
	swept     = "swept"
)

// sweepInTurn sweeps unless another node has begun to lately: one sweep is enough for the whole cluster.
func (n *node) sweepInTurn(ctx context.Context) (removed int, err error) {
	for revision := uint64(0); ; {
		_, err := n.store().put(ctx, sweepTurn, []byte(swept), revision, sweepRest)
		if err == nil {
			return n.sweep(ctx)
		}
		if !mustLook(err) {
			return 0, err
		}
		e, ok, err := n.store().get(ctx, sweepTurn)
		if err != nil || ok && string(e.data) == swept {
			return 0, err
		}
		revision = e.revision // of what no node wrote, which might stay for ever
	}
}

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
	living := make(map[string]bool) // leases that were not over when they were looked up: each is looked up once, and not for each of its claims
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
			free, err := n.sweepEntry(ctx, strings.TrimPrefix(m.Subject(), prefix), entry{data: m.Data(), revision: meta.Sequence.Stream}, living)
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
func (n *node) sweepEntry(ctx context.Context, key string, e entry, living map[string]bool) (removed bool, err error) {
	if len(e.data) == 0 {
		return false, nil // it was released
	}
	if c, ok := parseClaim(e.data); ok {
		if living[c.lease] {
			return false, nil
		}
		over, err := n.isOver(ctx, c.lease)
		if err != nil || !over {
			living[c.lease] = err == nil
			return false, err
		}
	}
	_, err = n.store().put(ctx, key, nil, e.revision, releasedTime)
	if errors.Is(err, errConflict) {
		return false, nil // somebody has it
	}
	return err == nil, err
}
