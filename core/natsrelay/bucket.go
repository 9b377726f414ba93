package natsrelay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Kinds of entries, the first token of a key in the bucket.
const (
	leaseEntry = "lease."
	claimEntry = "claim."
)

// How long one request waits for its answer. While JetStream elects a leader or starts, requests are lost.
const answerTime = 3 * time.Second

var (
	// errConflict says that an entry has another revision than the caller wanted to replace.
	errConflict = errors.New("natsrelay: the entry has changed meanwhile")

	// errLate says that no answer has come: the entry may have been written or not.
	errLate = errors.New("natsrelay: no answer in time")
)

// mustLook reports whether an entry has to be read to know what has become of it.
func mustLook(err error) bool {
	return errors.Is(err, errConflict) || errors.Is(err, errLate)
}

// A bucket has the leases and claims of a cluster. It is a stream in the form of NATS' key-value buckets, without reads from followers,
// which may be late. It is safe for concurrent use.
type bucket struct {
	js       jetstream.JetStream
	config   jetstream.StreamConfig
	subjects string // the subject of an entry is this and its key

	mu     sync.Mutex // guards stream
	stream jetstream.Stream
}

// An entry is what the bucket holds for a key.
type entry struct {
	data     []byte
	revision uint64
}

func newBucket(js jetstream.JetStream, prefix string, replicas int) *bucket {
	name := strings.NewReplacer(".", "_-", "_", "__").Replace(prefix)
	subjects := "$KV." + name + "."
	return &bucket{
		js:       js,
		subjects: subjects,
		config: jetstream.StreamConfig{
			Name:              "KV_" + name,
			Description:       "claims of hisock servers",
			Subjects:          []string{subjects + ">"},
			Storage:           jetstream.MemoryStorage,
			Replicas:          replicas,
			MaxMsgsPerSubject: 1,
			Discard:           jetstream.DiscardNew,
			AllowMsgTTL:       true,
			AllowRollup:       true,
			DenyDelete:        true,
		},
	}
}

// open finds the stream, and makes it if there is none.
func (b *bucket) open(ctx context.Context) (jetstream.Stream, error) {
	b.mu.Lock()
	stream := b.stream
	b.mu.Unlock()
	if stream != nil {
		return stream, nil
	}
	stream, err := b.js.Stream(ctx, b.config.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.js.CreateStream(ctx, b.config)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster
			stream, err = b.js.Stream(ctx, b.config.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.stream = stream
	b.mu.Unlock()
	return stream, nil
}

// forget makes the next operation look for the stream: it may have gone with a server of NATS that held it in memory.
func (b *bucket) forget() {
	b.mu.Lock()
	b.stream = nil
	b.mu.Unlock()
}

// get returns the entry of a key; ok is false if there is none. It asks again until ctx ends if no answer comes.
func (b *bucket) get(ctx context.Context, key string) (e entry, ok bool, err error) {
	for {
		once, cancel := context.WithTimeout(ctx, answerTime)
		e, ok, err = b.getOnce(once, key)
		late := once.Err() != nil
		cancel()
		if err == nil || !late || ctx.Err() != nil {
			return e, ok, err
		}
	}
}

func (b *bucket) getOnce(ctx context.Context, key string) (e entry, ok bool, err error) {
	stream, err := b.open(ctx)
	if err != nil {
		return entry{}, false, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, b.subjects+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return entry{}, false, nil
	}
	if err != nil {
		b.forget()
		return entry{}, false, err
	}
	return entry{data: msg.Data, revision: msg.Sequence}, true, nil
}

// put writes an entry in the place of the entry with a revision; 0 says that there is no entry. A ttl of 0 is for ever; NATS
// counts whole seconds, so it is rounded up. put returns the new revision, errConflict or errLate.
func (b *bucket) put(ctx context.Context, key string, data []byte, revision uint64, ttl time.Duration) (uint64, error) {
	once, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err := b.open(once); err != nil {
		return 0, late(ctx, once, err)
	}
	opts := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(revision)}
	if ttl > 0 {
		opts = append(opts, jetstream.WithMsgTTL((ttl + time.Second - 1).Truncate(time.Second)))
	}
	ack, err := b.js.PublishMsg(once, &nats.Msg{Subject: b.subjects + key, Data: data}, opts...)
	if err == nil {
		return ack.Sequence, nil
	}
	var refused *jetstream.APIError
	if errors.As(err, &refused) &&
		(refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return 0, errConflict
	}
	b.forget()
	return 0, late(ctx, once, err)
}

// late returns errLate if only the time for one request is over, and otherwise err.
func late(ctx, once context.Context, err error) error {
	if once.Err() != nil && ctx.Err() == nil {
		return errLate
	}
	return err
}
