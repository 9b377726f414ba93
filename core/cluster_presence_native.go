//go:build !js

package core

import (
	"maps"
	"slices"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/relay"
)

// How clients are told of clients of other nodes, if [ClusterOptions].Notices is set at both:
//
//	announce    a node says of its client what it tells its own clients: it is there, has another name, or has gone
//	watch       a node that has just met another one, or has missed something, asks it who all its clients are
//	watched     the other node tells it
//	presence    what has changed by that is told to the clients of this node
//
// All clients are asked for again after each return of the relay, and each watchBeats beats.

// watchBeats is the number of beats after which a node asks the others again who their clients are.
const watchBeats = 30

// own has the clients of this node as other nodes have been told.
type own struct {
	mu      lock.Mutex[lock.Presence] // held over each message about clients; guards the fields below
	clients map[uint64]relay.Client   // by id
	told    int                       // how often all clients were told since the last beat
	later   map[uint64]struct{}       // nodes that are told all clients in one of the next beats
}

// maxTold bounds how often a node tells who all its clients are in one beat. maxLater bounds the nodes that wait for it; others ask again.
const (
	maxTold  = 64
	maxLater = 4096
)

// announce tells other nodes how a client of this node stands now. The changes of one client come one after the other.
func (k *cluster) announce(c *Conn, now standing) {
	if k == nil || k.opts.Notices == nil {
		return
	}
	l := relay.Client{Conn: c.id, Name: now.name, User: c.User(), Addr: c.Addr(), Gone: !now.here, Groups: c.Groups()}
	k.own.mu.Lock()
	defer k.own.mu.Unlock()
	if l.Gone {
		delete(k.own.clients, c.id)
	} else {
		k.own.clients[c.id] = l
	}
	if k.alone.Load() {
		return // whoever comes asks
	}
	p := relay.Presence{List: l.Append(nil)}
	k.put(relay.Topic{To: relay.ToWatchers}, p.Append(relay.NewMessage(relay.KindPresence, k.self, 1+len(p.List))))
}

// watch asks a node, or all, who their clients are.
func (k *cluster) watch(to relay.Topic) {
	if k.opts.Notices != nil && k.serves.Load() {
		k.put(to, relay.NewMessage(relay.KindWatch, k.self, 0))
	}
}

// presenceBytes is the size of a part of the list of all clients, in bytes.
const presenceBytes = 8 << 10

// watched tells nodes who all clients of this node are, or has them told later if that is too much in this beat.
func (k *cluster) watched(nodes ...uint64) {
	if k.opts.Notices == nil {
		return
	}
	if nodes = k.toTell(nodes); len(nodes) == 0 {
		return
	}
	groups := k.groups()
	k.own.mu.Lock()
	defer k.own.mu.Unlock()
	parts := k.own.partsLocked(groups)
	for i, node := range nodes {
		if i > 0 && k.isStuffed() {
			k.own.laterLocked(node)
			continue
		}
		for _, p := range parts {
			k.put(relay.Topic{To: relay.ToConn, Node: node}, p.Append(relay.NewMessage(relay.KindPresence, k.self, 1+len(p.List))))
		}
	}
}

// toTell returns those of some nodes that may be told all clients now. The others wait.
func (k *cluster) toTell(nodes []uint64) (now []uint64) {
	k.own.mu.Lock()
	defer k.own.mu.Unlock()
	for _, node := range nodes {
		if k.own.told >= maxTold || k.own.told > 0 && k.isStuffed() {
			k.own.laterLocked(node)
			continue
		}
		k.own.told++
		now = append(now, node)
	}
	return now
}

// isStuffed reports whether so much waits for the relay that lists of clients had better wait.
func (k *cluster) isStuffed() bool {
	waiting, _ := k.queue.Waiting()
	return waiting > k.opts.QueueBytes/2
}

// tellLater tells nodes that wait for it who all clients are. keep calls it in each beat.
func (k *cluster) tellLater() {
	var nodes []uint64
	k.own.mu.Lock()
	k.own.told = 0
	for node := range k.own.later {
		if len(nodes) == maxTold {
			break
		}
		delete(k.own.later, node)
		if k.nodes.ID(node) != "" {
			nodes = append(nodes, node)
		}
	}
	k.own.mu.Unlock()
	k.watched(nodes...)
}

func (o *own) laterLocked(node uint64) {
	if o.later == nil {
		o.later = make(map[uint64]struct{})
	}
	if len(o.later) < maxLater {
		o.later[node] = struct{}{}
	}
}

// partsLocked returns what says who all clients are, with these groups.
func (o *own) partsLocked(groups map[uint64][]string) (parts []relay.Presence) {
	p := relay.Presence{First: true}
	for id, l := range o.clients {
		if now, here := groups[id]; here {
			l.Groups = now
		}
		if p.List = l.Append(p.List); len(p.List) >= presenceBytes {
			parts = append(parts, p)
			p = relay.Presence{}
		}
	}
	p.Last = true
	return append(parts, p)
}

// groups returns the groups of all clients of this node, by id.
func (k *cluster) groups() map[uint64][]string {
	k.mu.Lock()
	members := slices.Collect(maps.Values(k.members))
	k.mu.Unlock()
	groups := make(map[uint64][]string, len(members))
	for _, c := range members {
		groups[c.id] = c.Groups()
	}
	return groups
}

// presence notes what a node has said of its clients, and tells the clients of this node.
func (k *cluster) presence(node uint64, p relay.Presence) {
	if k.opts.Notices == nil {
		return
	}
	if k.nodes.ID(node) == "" { // nobody would notice that it goes
		return
	}
	changed, full := k.others.Apply(node, p)
	if full {
		k.count.refused.Add(1)
	}
	k.turnover(node, changed)
}

// turnover tells the clients of this node what has changed about clients of another one.
func (k *cluster) turnover(node uint64, changed []relay.Turnover) {
	for _, t := range changed {
		var before, after standing
		of := &Remote{ID: ClientID{node, t.Conn}, srv: k.srv}
		for _, l := range []*relay.Client{t.Before, t.After} {
			if l != nil {
				of.Name, of.User, of.Addr, of.Groups = l.Name, l.User, l.Addr, l.Groups
			}
		}
		if t.Before != nil {
			before = standing{true, t.Before.Name}
		}
		if t.After != nil {
			after = standing{true, t.After.Name}
		}
		if before == after {
			continue
		}
		subject := 1<<63 | (node*0x9e3779b97f4a7c15 ^ t.Conn) // no id of a connection of this node
		k.srv.tellAll(subject, nil, before, after, func(to *Conn, at standing, v *notices.View) bool {
			return k.shown(to, of, at, v)
		})
	}
}

// shown fills v with everything that the client to is shown of a client of another node. It reports false if to is shown nothing.
func (k *cluster) shown(to *Conn, of *Remote, at standing, v *notices.View) (tell bool) {
	*v = notices.View{Presence: Presence{Name: at.name}}
	if !at.here || to.legacy != nil { // a client of the original hears of clients of its own node only
		return false
	}
	defer k.srv.eng.recover(nil, "option Cluster.Notices")
	if !k.opts.Notices(to, of, &v.Presence) {
		return false
	}
	return k.srv.checkPresence(nil, at.name, &v.Presence)
}
