package app

import (
	"context"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// An observer is a client of its own server, in memory, that hears of the clients of other nodes and tells the room. Nobody sees it, and it is in no
// group.
type observer struct {
	room   *room
	client *core.Client
	way    inside
}

// newObserver returns an observer of a room. Its way is to be served before it connects.
func newObserver(r *room, log core.Logger) (*observer, error) {
	o := &observer{room: r, way: inside{transport.NewPipeListener()}}
	var err error
	if o.client, err = core.NewClient(o.way, &core.ClientOptions{Logger: log}); err != nil {
		return nil, err
	}
	tell := func(f func(core.ClientID, string)) func(core.Presence) {
		return func(p core.Presence) {
			var id core.ClientID
			if id.UnmarshalText([]byte(p.Addr)) == nil { // see joinCluster
				f(id, p.Name)
			}
		}
	}
	renamed := tell(r.renamedElsewhere)
	o.client.OnClientConnect(tell(r.joinedElsewhere))
	o.client.OnClientRename(func(_ string, p core.Presence) { renamed(p) })
	o.client.OnClientDisconnect(tell(func(id core.ClientID, _ string) { r.leftElsewhere(id) }))
	o.client.OnState(func(s core.State, _ error) {
		if s == core.StateConnected {
			o.lookAround()
		}
	})
	return o, nil
}

// lookTime is how long other nodes may take to say who is there.
const lookTime = 2 * time.Second

// lookAround asks all nodes who is there, as the observer connects: from then on it is told of changes, which wait meanwhile.
func (o *observer) lookAround() {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	cluster := o.room.srv.Cluster()
	found, err := cluster.Members(ctx, group)
	there := make(map[core.ClientID]bool)
	for _, m := range found {
		if m.ID.Node != cluster.Node().Number && m.Name != "" {
			there[m.ID] = true
			o.room.joinedElsewhere(m.ID, m.Name)
		}
	}
	if err != nil {
		return // a node that has not answered may have members
	}
	for _, id := range o.room.elsewhere() {
		if !there[id] {
			o.room.leftElsewhere(id)
		}
	}
}

// inside is the way of an observer to its server.
type inside struct{ *transport.PipeListener }

// Accept implements [transport.Listener].
func (l inside) Accept() (transport.Conn, error) {
	c, err := l.PipeListener.Accept()
	if err != nil {
		return nil, err
	}
	return &insider{c}, nil
}

// An insider is the server's end of that way.
type insider struct{ transport.Conn }

// Info has the insider itself as the result of [transport.Info.Handshake], which no other client can have.
func (c *insider) Info() transport.Info {
	info := c.Conn.Info()
	info.HandshakeFunc = func() any { return c }
	return info
}

// isObserver reports whether a client of the server is an observer.
func isObserver(c *core.Conn) bool {
	_, ok := c.Info().Handshake().(*insider)
	return ok
}
