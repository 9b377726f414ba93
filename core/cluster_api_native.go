//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/roster"
)

// A Cluster is what a [Server] knows of the other servers that [ServerOptions].Cluster joins it to. It is made by
// [Server.Cluster]. All methods are safe for concurrent use. Those that ask other nodes wait for the answers: if some nodes do not
// answer in time, they return what the others have answered with an error of [CodeUnavailable] that names them. A server that is alone answers by itself.
//
// What a server sends with [Server.All], [Server.Group], [Server.User] and [Server.Named] goes to the clients of all nodes without
// more ado, and so do [User.CallBytes] and [User.Disconnect]. All that returns a [Conn] or a number at once is about this server's own clients.
type Cluster struct{ srv *Server }

// Cluster returns the cluster that the server belongs to.
func (s *Server) Cluster() *Cluster { return &Cluster{srv: s} }

// Join joins the relay, as the first [Server.Serve] does, and waits until it can be reached or ctx ends. A program that has no clients of its own and
// wants to send to those of the cluster calls it. Without Join, the first send joins.
func (cl *Cluster) Join(ctx context.Context) error {
	k := cl.srv.cluster
	if k == nil {
		return NewError(CodeUnsupported, "the server has no relay")
	}
	k.start()
	t := time.NewTicker(leastBeat)
	defer t.Stop()
	for {
		why := k.isUp()
		if why == nil {
			return nil
		}
		select {
		case <-given(ctx).Done():
			return ctx.Err()
		case <-k.ctx.Done():
			return errShuttingDown
		case <-t.C:
		}
	}
}

// Node returns this node. A server that is alone has no ID and no Number.
func (cl *Cluster) Node() Node {
	k := cl.srv.cluster
	if k == nil {
		return Node{Serves: true}
	}
	return Node{ID: k.opts.Node, Number: k.self, Serves: k.serves.Load()}
}

// Nodes returns the other nodes that are there, by their IDs. A node that was killed stays for four beats ([ClusterOptions].Beat).
func (cl *Cluster) Nodes() (nodes []Node) {
	if k := cl.srv.cluster; k != nil {
		for _, n := range k.nodes.All() {
			nodes = append(nodes, Node{ID: n.ID, Number: n.Incarnation, Serves: n.Serves})
		}
	}
	return nodes
}

// Err returns nil if the server is alone or its relay can be reached, and otherwise an [Error] with [CodeUnavailable]. It is for a health check: a
// node that is cut off serves its clients, and takes no newcomers that need a name or a place.
func (cl *Cluster) Err() error {
	if k := cl.srv.cluster; k != nil {
		if why := k.isUp(); why != nil {
			return why
		}
	}
	return nil
}

// Remote returns the client of an id, whether it is there or not. Its other fields are empty.
func (cl *Cluster) Remote(id ClientID) *Remote { return &Remote{ID: id, srv: cl.srv} }

// IDOf returns the id of a client of this server.
func (cl *Cluster) IDOf(c *Conn) ClientID { return ClientID{Node: cl.Node().Number, Conn: c.id} }

// Find returns the clients of a name at all nodes, FindUser the connections of a user, and Members the members of a group. If a node has more of them
// than fit into half of its [ClusterOptions].QueueBytes, they return as many as fit, with an error of [CodeTooBig] that names the node.
func (cl *Cluster) Find(ctx context.Context, name string) ([]*Remote, error) {
	return cl.find(ctx, relay.Question{Subject: relay.Find, To: relay.ToNamed, Name: name})
}

// FindUser is described at Find.
func (cl *Cluster) FindUser(ctx context.Context, user string) ([]*Remote, error) {
	return cl.find(ctx, relay.Question{Subject: relay.Find, To: relay.ToUser, Name: user})
}

// Members is described at Find.
func (cl *Cluster) Members(ctx context.Context, group string) ([]*Remote, error) {
	return cl.find(ctx, relay.Question{Subject: relay.Find, To: relay.ToGroup, Name: group})
}

// Client returns the client of a name, as [Server.Client] does for all nodes. With [Access].UniqueNames only the node that has the name is asked, so that
// it does not matter whether the others answer.
func (cl *Cluster) Client(ctx context.Context, name string) (*Remote, error) {
	ctx = given(ctx)
	all, err := cl.findOne(ctx, name)
	var here []*Remote
	for _, r := range all {
		if !r.Suspended {
			here = append(here, r)
		}
	}
	if len(here) == 0 {
		here = all
	}
	switch {
	case len(here) == 1 && err == nil:
		return here[0], nil
	case len(here) > 1:
		return nil, NewError(CodeAmbiguousName, strconv.Itoa(len(here))+" clients are called that")
	case err != nil:
		return nil, err
	}
	return nil, audience{toNamed, name}.missing()
}

// Len returns the number of clients of all nodes, and LenIn the number of members of a group.
func (cl *Cluster) Len(ctx context.Context) (int, error) {
	return cl.countClients(ctx, relay.Question{Subject: relay.Count, To: relay.ToAll})
}

// LenIn is described at Len.
func (cl *Cluster) LenIn(ctx context.Context, group string) (int, error) {
	return cl.countClients(ctx, relay.Question{Subject: relay.Count, To: relay.ToGroup, Name: group})
}

// findOne is Find for a name that one client may have.
func (cl *Cluster) findOne(ctx context.Context, name string) ([]*Remote, error) {
	k := cl.srv.cluster
	q := relay.Question{Subject: relay.Find, To: relay.ToNamed, Name: name}
	if k == nil || !cl.srv.opts.Access.UniqueNames || name == "" || len(k.clients(q)) > 0 {
		return cl.Find(ctx, name)
	}
	node, known, err := k.holder(ctx, relay.Thing{To: relay.ToNamed, Name: roster.Fold(name)})
	switch {
	case err != nil || known && k.nodes.ID(node) == "": // the others may know more
		return cl.Find(ctx, name)
	case !known, node == k.self:
		return nil, nil
	}
	var list found
	left, err := k.ask(ctx, []uint64{node}, relay.Topic{To: relay.ToConn, Node: node}, q, func(from uint64, a relay.Answer) bool {
		list.add(cl.srv, from, a)
		return false
	})
	return list.clients, list.fault(k, k.silent(left, err))
}

func (cl *Cluster) find(ctx context.Context, q relay.Question) ([]*Remote, error) {
	s, k := cl.srv, cl.srv.cluster
	var list found
	for _, c := range k.clientsOf(s, q) {
		list.clients = append(list.clients, &Remote{ID: cl.IDOf(c), Name: c.Name(), User: c.User(), Addr: c.Addr(), Suspended: c.Suspended(), srv: s})
	}
	if k == nil {
		return list.clients, nil
	}
	left, err := k.askAll(given(ctx), q, func(from uint64, a relay.Answer) bool {
		list.add(s, from, a)
		return false
	})
	return list.clients, list.fault(k, k.silent(left, err))
}

// A found is what nodes have answered to a Find.
type found struct {
	clients []*Remote
	cut     []uint64 // the nodes that have more than they have said
}

// add appends the clients that a node has answered.
func (f *found) add(s *Server, from uint64, a relay.Answer) {
	count, n := binary.Uvarint(a.Rest)
	if a.Code != 0 || n <= 0 {
		return
	}
	for list := a.Rest[n:]; len(list) > 0; count-- {
		l, rest, fault := relay.NextClient(list)
		if fault != relay.None {
			s.cluster.count.refused.Add(1)
			break
		}
		list = rest
		f.clients = append(f.clients, &Remote{ID: ClientID{from, l.Conn}, Name: l.Name, User: l.User, Addr: l.Addr, Suspended: l.Suspended, srv: s})
	}
	if count > 0 {
		f.cut = append(f.cut, from)
	}
}

// fault returns err, or an error if a node has more clients than it has said.
func (f *found) fault(k *cluster, err error) error {
	if err != nil || len(f.cut) == 0 {
		return err
	}
	return NewError(CodeTooBig, "more clients than one answer takes:"+k.named(f.cut))
}

func (cl *Cluster) countClients(ctx context.Context, q relay.Question) (n int, err error) {
	k := cl.srv.cluster
	n = len(k.clientsOf(cl.srv, q))
	if k == nil {
		return n, nil
	}
	left, err := k.askAll(given(ctx), q, func(_ uint64, a relay.Answer) bool {
		if more, size := binary.Uvarint(a.Rest); a.Code == 0 && size > 0 && more < 1<<40 {
			n += int(more)
		}
		return false
	})
	return n, k.silent(left, err)
}

// clientsOf is clients, also for a server that is alone.
func (k *cluster) clientsOf(s *Server, q relay.Question) []*Conn {
	if k == nil {
		k = &cluster{srv: s}
	}
	return k.clients(q)
}

// silent returns an error that names the nodes which have not answered, or nil if all have.
func (k *cluster) silent(left []uint64, cause error) error {
	if len(left) == 0 && cause == nil {
		return nil
	}
	return wrapError(CodeUnavailable, "not all nodes have answered:"+k.named(left), cause)
}

// named returns the ids of nodes, of a few of them if there are many.
func (k *cluster) named(nodes []uint64) (text string) {
	for i, n := range nodes {
		if i == maxNodesNamed {
			return text + " …"
		}
		text += " " + k.nodes.ID(n)
	}
	return text
}

// maxNodesNamed bounds the nodes that an error names.
const maxNodesNamed = 10

// OnSurvey registers a function that answers surveys of that name, which any node makes with [Cluster.Survey].
func (s *Server) OnSurvey(name string, f func(ctx context.Context, payload []byte) ([]byte, error)) {
	s.mustBeOpen()
	needFunc("OnSurvey "+name, f == nil)
	if err := checkCommand(name); err != nil {
		panic("core: OnSurvey: " + err.Message)
	}
	if s.surveys == nil {
		s.surveys = make(map[string]func(context.Context, []byte) ([]byte, error))
	}
	s.surveys[name] = f
}

// OnNode registers a function that runs when another node has come (here is true) or has gone, in order. It runs on a
// goroutine of the cluster's own, also with [ServerOptions.Manual], and should not wait.
func (s *Server) OnNode(f func(n Node, here bool)) {
	s.mustBeOpen()
	needFunc("OnNode", f == nil)
	s.onNode = f
}

// OnRelay registers a function that runs when the relay can be reached, with nil, and when it cannot be reached any more, with the reason. It runs as
// the function of OnNode does.
func (s *Server) OnRelay(f func(why error)) {
	s.mustBeOpen()
	needFunc("OnRelay", f == nil)
	s.onRelay = f
}

// surveyed answers a survey.
func (s *Server) surveyed(ctx context.Context, name string, payload []byte) (answer []byte, err error) {
	f := s.surveys[name]
	if f == nil {
		return nil, NewError(CodeUnknownCommand, "the node answers no such survey")
	}
	err = errCrashed
	defer s.eng.recover(nil, "survey")
	return f(ctx, payload)
}

// A SurveyAnswer is what one node has answered.
type SurveyAnswer struct {
	Node    Node
	Payload []byte
	Err     error // of the function of OnSurvey there; nil if it has answered
}

// Survey asks all nodes that have or may have clients, this one included, and returns their answers, in no order. ctx bounds how long it waits.
func (cl *Cluster) Survey(ctx context.Context, name string, payload []byte) (answers []SurveyAnswer, err error) {
	s, ctx := cl.srv, given(ctx)
	k := s.cluster
	var own SurveyAnswer
	var wait sync.WaitGroup
	here := k == nil || k.serves.Load()
	if here {
		wait.Go(func() {
			own.Node = cl.Node()
			own.Payload, own.Err = s.surveyed(ctx, name, payload)
		})
	}
	if k != nil {
		var left []uint64
		left, err = k.askAll(ctx, relay.Question{Subject: relay.Survey, To: relay.ToAll, Word: name, Rest: payload}, func(from uint64, a relay.Answer) bool {
			one := SurveyAnswer{Node: Node{ID: k.nodes.ID(from), Number: from, Serves: true}, Payload: a.Rest}
			if a.Code != 0 {
				one.Payload, one.Err = nil, k.fault(a)
			}
			answers = append(answers, one)
			return false
		})
		err = k.silent(left, err)
	}
	wait.Wait()
	if here {
		answers = append(answers, own)
	}
	return answers, err
}

// stats returns the counters.
func (k *cluster) stats() (r RelayStats) {
	if k == nil {
		return r
	}
	waiting, dropped := k.queue.Waiting()
	return RelayStats{
		Up: k.up.Load(), Nodes: len(k.nodes.All()),
		Sent: k.count.sent.Load(), SentBytes: k.count.sentBytes.Load(),
		Received: k.count.got.Load(), ReceivedBytes: k.count.gotBytes.Load(),
		Waiting: waiting, Unsent: dropped + k.count.unfit.Load(),
		Lost: k.count.lost(), Refused: k.count.refused.Load(),
	}
}
