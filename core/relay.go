package core

import (
	"context"
	"time"
)

// A Relay joins servers to a cluster; each server is a node of it. A relay moves bytes from node to node, and holds small facts that
// only one node may state at a time. What the bytes and the facts mean is decided here, so a relay knows of no
// frames, clients or groups. [ClusterOptions] takes one. Package core/relaytest has a relay in memory, and the suite that each relay passes.
//
// # Topics, keys and ids
//
// Topics, keys of claims and ids of nodes are made by this package. Each is a token: 1 to [MaxRelayToken] of the characters A–Z, a–z, 0–9,
// "-" and "_", with no other meaning. A relay may put them into subjects and keys as they are, behind a prefix
// that keeps clusters apart which use the same broker.
//
// # Messages
//
//   - A message goes to all nodes that have subscribed to its topic, except the node that has published it.
//   - What one node publishes reaches each other node in the order of publication, over all topics. So an adapter
//     publishes over one connection, and receives all topics through one queue.
//   - A message arrives at most once. It may be lost: this package numbers its messages, and finds, counts and mends what is lost.
//   - Nobody waits for a node that is slow. Messages for it are dropped beyond a bound in bytes, and it is told of that ([RelayHandler]).
//   - Anybody who may publish at the broker may send a node any bytes. An adapter passes them on as they are.
//
// # Claims
//
// A claim is a fact: a key belongs to a node, with a value. For one key all operations of all nodes happen one after the other (they are
// linearizable), and at most one node has a claim on it. A claim lasts until its node releases it, is closed, or has not been heard of for
// [RelayNode].Lease; then it is as if it had been released. A node that lives renews its lease by itself, with one small message in a third
// of that time, whatever the number of its claims. Nodes never compare clocks.
//
// A node that has been away longer than its lease has lost all its claims, also claims on keys that nobody else has claimed
// since. ClaimsLost tells it so, soon after it can be reached again, and then it makes its claims again. Nothing that it does afterwards
// changes the claims of others.
//
// # How it can be built
//
// Over Redis: one connection to PUBLISH, one to SUBSCRIBE; each message begins with the id of its node, so that the node drops its own. The
// lease is a key with the node's id and a number that grows with each loss, set with PX and renewed with XX; when XX fails the lease is
// lost. A claim is a key that holds the lease and the value. Claim is a script: set the key if it is missing, or belongs to a lease that is
// not there any more, or to the caller's own lease. Release deletes it if it belongs to the caller's lease. Claims of dead nodes are
// overwritten when somebody asks for them.
//
// Over NATS: a subject for each topic, on a connection without echo, all subscriptions into one channel. The lease is a key in a bucket with a
// TTL; a claim is a key in a bucket without one, made by create, and taken over by an update of the revision that belonged to a dead lease.
type Relay interface {
	// Join makes the caller a node. No other node, now or earlier, has its id. h hears of what comes for the node, from any
	// time on, also before Join has returned.
	//
	// Join does not wait until the broker can be reached, only for one attempt to reach it: a node may begin cut off, and is told when it
	// is up. Join fails if that can never be, for instance for wrong credentials, or if ctx ends.
	Join(ctx context.Context, id string, h RelayHandler) (RelayNode, error)
}

// Bounds of what this package gives to a [Relay], in bytes.
const (
	MaxRelayToken = 64       // a topic, a key, an id
	MaxRelayValue = 512      // the value of a claim
	MinRelayPart  = 16 << 10 // the least MaxPayload
)

// A RelayMessage is a message on a topic.
type RelayMessage struct {
	Topic   string
	Payload []byte
}

// A RelayNode is the way of one node to its relay.
//
// One goroutine at a time calls Publish, Subscribe and Unsubscribe, which take effect in that order: who answers a message is heard
// on a topic that was subscribed to before. They may wait while the network does not take bytes, but not once the node is cut off or closed.
// So an adapter needs no queue of its own. All other methods are safe for concurrent use.
type RelayNode interface {
	// Publish sends messages, in order. It returns how many of them, from the first on, are on their way. The others
	// will not be sent; err says why. It fails while the node is cut off, if only with the first message that it notices that by. It does
	// not keep the payloads, none of which is longer than MaxPayload. All messages of a batch should share one write to the network.
	Publish(batch []RelayMessage) (sent int, err error)

	// Subscribe makes messages on a topic come. While the node is cut off it is noted, and takes effect when the node is up again, as all
	// subscriptions do. It is no error to subscribe twice, or to end a subscription that is not there: a topic is subscribed to or not.
	// A message may still come for a moment after Unsubscribe. Both fail only if the node is closed.
	// Subscriptions are many, and come and go: none may cost more than a small entry in a map.
	Subscribe(topic string) error
	Unsubscribe(topic string) error

	// Claim makes the claim on a key the node's own, with a value of at most MaxRelayValue, if no other node has it: then mine is true. If
	// this node has it, its value is replaced. If another node has it, Claim changes nothing, and held is the value of that claim, which
	// the caller owns. After an error the claim may have been made or not; the caller releases it or claims it again.
	//
	// Claim, Release and Lookup end with ctx. They fail while the node is cut off from what holds the claims, or while that cannot decide.
	Claim(ctx context.Context, key string, value []byte) (mine bool, held []byte, err error)

	// Release ends the node's claim on a key. It is no error if the node has none. After an error it may have been
	// ended or not.
	Release(ctx context.Context, key string) error

	// Lookup returns the value of the claim on a key, which the caller owns; ok is false if no node has it.
	Lookup(ctx context.Context, key string) (held []byte, ok bool, err error)

	// MaxPayload is the greatest payload of a message, in bytes, at least MinRelayPart. Lease is how long claims last when the relay
	// does not hear of their node. Neither changes.
	MaxPayload() int
	Lease() time.Duration

	// Close ends the node: messages that Publish has taken are sent, subscriptions and claims end at once if the broker can be reached, and
	// otherwise the claims end with the lease. When Close has returned, no method of the handler runs or will be called. Publish and the
	// other methods, also those that wait at that moment, fail. Close takes no longer than ctx, whose error it returns if something had to
	// be given up. Closing twice is no error.
	Close(ctx context.Context) error
}

// A RelayHandler is told what comes for a node. Its methods are called one at a time, in the order of what they tell. They return soon, and
// call no method of the node.
type RelayHandler interface {
	// Message is called for each message on a topic that the node has subscribed to. payload is valid until it returns, and not changed.
	// Anybody may have sent it.
	Message(topic string, payload []byte)

	// Up is called when the node can be reached for the first time, and each time that it can be reached again after Down, with all
	// subscriptions in effect. Messages that others have published meanwhile are lost.
	Up()

	// Down is called when the node is cut off, within its lease: it can neither publish nor claim, and nothing comes. The node goes on to try.
	Down(why error)

	// Lost says that n messages for this node were dropped because it was slow. n is 1 if their number is not known.
	Lost(n int)

	// ClaimsLost says that all claims which the node has made so far have ended. It may come while the node is up, for
	// instance after the process was frozen.
	ClaimsLost()
}
