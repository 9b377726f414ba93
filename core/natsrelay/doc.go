// Package natsrelay joins hisock servers to a cluster through NATS. It is a module of its own, so that programs without a cluster do not
// depend on NATS.
//
//	relay, err := natsrelay.New(natsrelay.Options{Servers: []string{"nats://10.0.0.7:4222"}})
//
// # What it needs
//
// A nats-server of version 2.11 or later with JetStream, alone or as a cluster. Messages use plain subjects, which NATS keeps nowhere. Claims use
// one stream in memory, in the form of a key-value bucket, so that the nats command can show them. Nodes need these permissions, where p is
// [Options.Prefix], in which "." is "_-" and "_" is "__" behind "KV":
//
//	publish    p.*, $KV.p.>, $JS.API.STREAM.INFO.KV_p, $JS.API.STREAM.CREATE.KV_p, $JS.API.STREAM.MSG.GET.KV_p,
//	           $JS.API.CONSUMER.*.KV_p.>, $JS.API.CONSUMER.MSG.NEXT.KV_p.>
//	subscribe  p.*, _INBOX.>
//
// A node is down while NATS refuses a topic, for lack of a permission or because of a bound on subscriptions, or takes no payloads of
// [Options.MaxPayload]. The handler is told why, and the node connects anew every third of its lease, until it is accepted. A topic on
// which it may not publish is tried before the node is up again. An error that NATS' client does not know ends the connection for good: the
// node makes another one within a third of its lease.
//
// # Histories
//
// A [History] keeps the messages of groups, for [core.History].Store. It uses one stream, in files unless [HistoryOptions].Memory is set,
// and needs no [Relay]:
//
//	store, err := natsrelay.NewHistory(natsrelay.HistoryOptions{Servers: []string{"nats://10.0.0.7:4222"}, Replicas: 3})
//
// Servers need these permissions for it; s is the name of the stream, "HISTORY_" and the prefix in the same form:
//
//	publish    p.history.kept.*, $JS.API.STREAM.INFO.s, $JS.API.STREAM.CREATE.s, $JS.API.STREAM.UPDATE.s, $JS.API.STREAM.PURGE.s,
//	           $JS.API.STREAM.MSG.GET.s, $JS.API.DIRECT.GET.s
//	subscribe  p.history.told.*, _INBOX.>
//
// Each group has a subject, and each message of NATS on it is a block: the epoch, the number of its first message, and the messages that
// one server had for the group at that moment. A block is stored only if the message of NATS that the server takes for the last one of the
// subject is the last one. So numbers have no gap, and of two servers that append at once one tries again behind the other. A block whose
// answer was lost is looked for by the id of its first message.
//
// NATS tells what it has stored on another subject (republish), to which servers subscribe for the groups that have members there: an entry
// in a map of NATS, and no consumer. The last message of a subject is asked from the leader of the stream, and what is before it from any
// server of NATS that has it.
//
// # What is where
//
//	p.TOPIC                a message on a topic
//	$KV.p.lease.ID         a lease, with a time to live
//	$KV.p.claim.KEY        a claim: the length of the lease's id in a byte, the id, the value
//	$KV.p.sweep            a node has looked for claims whose leases are over, with a time to live
//	p.history.kept.GROUP   a block of a group, in the stream
//	p.history.told.GROUP   the same block, when it is stored
//
// # How claims stay with one node
//
// A claim holds the id of a lease, and each node has one lease, which it renews in a third of its time. All writes name the revision that
// they replace, so of two nodes one is refused. Before a node takes over a claim whose lease is missing it writes an end into the place
// of the lease, which NATS allows only if nothing is there. From then on the old node cannot renew that lease. So
// a server of NATS that has fallen behind cannot make a node believe that a lease is over: the write goes to the majority.
package natsrelay
