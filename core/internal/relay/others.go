package relay

import "github.com/hisock/hisock/core/internal/lock"

// Others has the clients of other nodes, as far as these nodes have said. All methods are safe for concurrent use.
type Others struct {
	most int // bytes of memory of the clients of one node

	mu    lock.Mutex[lock.RelayOthers] // guards the field below
	nodes map[uint64]*others
}

// An others is the clients of one node.
type others struct {
	clients map[uint64]Client   // by conn
	bytes   int                 // of memory of clients, about
	seen    map[uint64]struct{} // while the node says who they all are, and nothing of that is lost; nil otherwise
}

// maxOthers bounds the clients of one node that are remembered, and maxOtherBytes their memory.
const (
	maxOthers     = 1 << 20
	maxOtherBytes = 256 << 20
)

// weight returns the memory that a client takes, in bytes, about.
func (l *Client) weight() int {
	n := 180 + len(l.Name) + len(l.User) + len(l.Addr)
	for _, g := range l.Groups {
		n += 16 + len(g)
	}
	return n
}

// A Turnover is a client that has come, gone or changed. Before or After is nil if it was or is not there.
type Turnover struct {
	Conn          uint64
	Before, After *Client
}

// NewOthers returns an empty directory.
func NewOthers() *Others { return &Others{most: maxOtherBytes, nodes: make(map[uint64]*others)} }

// Apply notes what a node has said, and returns what has changed. full reports that there are too many clients.
func (o *Others) Apply(node uint64, p Presence) (changed []Turnover, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.nodes[node]
	if of == nil {
		of = &others{clients: make(map[uint64]Client)}
		o.nodes[node] = of
	}
	if p.First {
		of.seen = make(map[uint64]struct{})
	}
	for list := p.List; len(list) > 0; {
		l, rest, fault := NextClient(list)
		if fault != None {
			break
		}
		list = rest
		was, there := of.clients[l.Conn]
		if of.seen != nil {
			of.seen[l.Conn] = struct{}{}
		}
		switch {
		case l.Gone && there:
			of.bytes -= was.weight()
			delete(of.clients, l.Conn)
			was.Groups = l.Groups
			changed = append(changed, Turnover{Conn: l.Conn, Before: &was})
		case l.Gone, there && was.equal(&l):
		case !there && len(of.clients) >= maxOthers, of.bytes+l.weight() > o.most:
			full = true
		default:
			if of.bytes += l.weight(); there {
				of.bytes -= was.weight()
			}
			of.clients[l.Conn] = l
			t := Turnover{Conn: l.Conn, After: &l}
			if there {
				t.Before = &was
			}
			changed = append(changed, t)
		}
	}
	if p.Last && of.seen != nil {
		for conn, l := range of.clients {
			if _, ok := of.seen[conn]; !ok {
				of.bytes -= l.weight()
				delete(of.clients, conn)
				changed = append(changed, Turnover{Conn: conn, Before: &l})
			}
		}
		of.seen = nil
	}
	return changed, full
}

// Spoil notes that something which a node has said was lost. If it is saying who all its clients are, nobody is gone for not being among them.
func (o *Others) Spoil(node uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of := o.nodes[node]; of != nil {
		of.seen = nil
	}
}

// Gone forgets a node, and returns its clients as gone.
func (o *Others) Gone(node uint64) (changed []Turnover) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.nodes[node]
	if of == nil {
		return nil
	}
	delete(o.nodes, node)
	for conn, l := range of.clients {
		changed = append(changed, Turnover{Conn: conn, Before: &l})
	}
	return changed
}
