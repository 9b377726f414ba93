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
// [Options.MaxPayload]. The handler is told why, and the node connects anew every third of its lease, until it is accepted.
// An error that NATS' client does not know ends the connection for good: the node stays down, and says why.
//
// # What is where
//
//	p.TOPIC                a message on a topic
//	$KV.p.lease.ID         a lease, with a time to live
//	$KV.p.claim.KEY        a claim: the length of the lease's id in a byte, the id, the value
//
// # How claims stay with one node
//
// A claim holds the id of a lease, and each node has one lease, which it renews in a third of its time. All writes name the revision that
// they replace, so of two nodes one is refused. Before a node takes over a claim whose lease is missing it writes an end into the place
// of the lease, which NATS allows only if nothing is there. From then on the old node cannot renew that lease. So
// a server of NATS that has fallen behind cannot make a node believe that a lease is over: the write goes to the majority.
package natsrelay
