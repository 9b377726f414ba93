package app

import (
	"strconv"
	"strings"

	"github.com/hisock/hisock/core"
)

// Several chats are one if their servers are the nodes of one cluster. Package core then brings messages, names and who is typing to all
// nodes, and what was said to newcomers at any node, from one store. What is left is who is elsewhere, so that each room can tell its own
// members in their order. A room is told of that by its observer.

// A place says at which node a client is, how many nodes there are, and whether that node is cut off from the others.
type place struct {
	Node  string `json:"node"`
	Nodes int    `json:"nodes"`
	Cut   bool   `json:"cut"`
}

// isNode reports whether the room's server is a node of a cluster.
func (r *room) isNode() bool { return r.srv.Cluster().Node().Number != 0 }

func (r *room) place() place {
	c := r.srv.Cluster()
	return place{Node: c.Node().ID, Nodes: len(c.Nodes()) + 1, Cut: c.Err() != nil}
}

// moved tells the members at this node that their place has changed.
func (r *room) moved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellLocked("node", r.place())
}

// joinCluster gives options to a room's server that make it a node. An observer is told of the clients of other nodes. The library has no words for
// their ids, so those are told as their addresses.
func joinCluster(o *core.ServerOptions, b *Backbone, node string) {
	o.History.Store = b.Store
	o.Cluster = core.ClusterOptions{Relay: b.Relay, Node: node, Notices: func(to *core.Conn, of *core.Remote, p *core.Presence) bool {
		p.Addr = of.ID.String()
		return isObserver(to) && of.Name != "" // an observer has no name
	}}
	// Clients of the original hear of one another as they do without a cluster. Other clients are told of one another by the room.
	o.Access.Notices = func(to, of *core.Conn, p *core.Presence) bool {
		return to.Dialect() != core.DialectNative && !isObserver(of) && core.TellAddrs(to, of, p)
	}
}

// watch has the members told when their place changes. It is called before the server is served.
func (r *room) watch() {
	r.srv.OnNode(func(core.Node, bool) { r.moved() })
	r.srv.OnRelay(func(error) { r.moved() })
	r.srv.OnResume(r.resumed)
}

// resumed tells a member that was away where it is. It lets the member in if its session has come from another node.
func (r *room) resumed(c *core.Conn) {
	if isObserver(c) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.here[r.idOf(c)]; ok {
		c.Send("node", r.place()) //nolint:errcheck // it has gone again
		return
	}
	for _, g := range c.Groups() {
		if strings.HasPrefix(g, homePrefix) && g != r.home {
			c.Leave(c.Context(), g) //nolint:errcheck // as above
		}
	}
	r.letInLocked(c)
}

// nodeName returns the name of a node, or its number if the node has just gone.
func (r *room) nodeName(number uint64) string {
	for _, n := range r.srv.Cluster().Nodes() {
		if n.Number == number {
			return n.ID
		}
	}
	return strconv.FormatUint(number, 16)
}

// joinedElsewhere, renamedElsewhere and leftElsewhere are called by the observer, when it has heard of a client at another node.
func (r *room) joinedElsewhere(id core.ClientID, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.here[id]; ok {
		return
	}
	m := member{ID: id, Name: name, Node: r.nodeName(id.Node)}
	r.addLocked(m)
	r.tellLocked("joined", m)
}

func (r *room) renamedElsewhere(id core.ClientID, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.renameLocked(id, name)
}

func (r *room) leftElsewhere(id core.ClientID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(id)
}

// elsewhere returns the members at other nodes.
func (r *room) elsewhere() (ids []core.ClientID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.here {
		if p.Node != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
