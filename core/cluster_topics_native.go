//go:build !js

package core

import (
	"github.com/hisock/hisock/core/internal/relay"
)

// enter notes a connection that others find from now on.
func (k *cluster) enter(c *Conn) {
	if k == nil {
		return
	}
	k.mu.Lock()
	k.members[c.id] = c
	k.mu.Unlock()
	k.wantName(c.Name())
	k.wantUser(c.User())
	for _, g := range c.Groups() {
		k.wantGroup(g)
	}
}

// left notes a connection that nobody finds any more, and that others found in these groups.
func (k *cluster) left(c *Conn, groups []string) {
	if k == nil {
		return
	}
	k.mu.Lock()
	delete(k.members, c.id)
	k.mu.Unlock()
	k.unname(c)
	k.wantName(c.Name())
	k.wantUser(c.User())
	for _, g := range groups {
		k.wantGroup(g)
	}
}

// member returns the connection of an id, or nil.
func (k *cluster) member(id uint64) *Conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.members[id]
}

// wantGroup, wantName and wantUser subscribe to what goes to a group, a name and a user, if the server has such clients, and otherwise
// end the subscription.
func (k *cluster) wantGroup(group string) {
	if k != nil {
		k.want(relay.Topic{To: relay.ToGroup, Name: group}, func() bool { return k.srv.roster.LenIn(group) > 0 })
	}
}

func (k *cluster) wantName(name string) {
	if k != nil && name != "" {
		k.want(relay.Topic{To: relay.ToNamed, Name: name}, func() bool { return len(k.srv.roster.Named(name)) > 0 })
	}
}

func (k *cluster) wantUser(user string) {
	if k != nil && user != "" {
		k.want(relay.Topic{To: relay.ToUser, Name: user}, func() bool { return k.srv.roster.LenOf(user) > 0 })
	}
}

// want says whether a topic is wanted. It looks again after it has said so: whoever changes the answer meanwhile says it too, and the
// last one to say it is right.
func (k *cluster) want(of relay.Topic, has func() bool) {
	for {
		wanted := has()
		k.queue.Want(of, wanted)
		if has() == wanted {
			return
		}
	}
}
