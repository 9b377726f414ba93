package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/natsrelay"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/ws"
)

// joinTime bounds how long a server may take to reach NATS.
const joinTime = 10 * time.Second

// startBroker starts a NATS server with JetStream, which is the broker of two servers.
func startBroker(dir string) (string, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir,
	})
	if err != nil {
		return "", err
	}
	go s.Start()
	if !s.ReadyForConnections(joinTime) {
		return "", errors.New("the server does not get ready")
	}
	return s.Addr().String(), nil
}

// newHisockNode makes a server of hisock that is a node of a cluster.
func newHisockNode(broker string) (*core.Server, error) {
	r, err := natsrelay.New(natsrelay.Options{Servers: []string{"nats://" + broker}})
	if err != nil {
		return nil, err
	}
	return core.NewServer(&core.ServerOptions{Cluster: core.ClusterOptions{Relay: r}})
}

func startHisockTCPNode(broker string) (string, error) {
	srv, err := newHisockNode(broker)
	if err != nil {
		return "", err
	}
	l, err := tcp.Listen("127.0.0.1:0", nil)
	if err != nil {
		return "", err
	}
	serveWith(srv, l)
	return l.Addr(), joinHisock(srv)
}

func startHisockWSNode(broker string) (string, error) {
	srv, err := newHisockNode(broker)
	if err != nil {
		return "", err
	}
	l, err := ws.NewListener(nil)
	if err != nil {
		return "", err
	}
	serveWith(srv, l)
	addr, err := serveHTTP(l)
	return addr, errors.Join(err, joinHisock(srv))
}

// joinHisock waits until a server that serves has reached NATS.
func joinHisock(srv *core.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	return srv.Cluster().Join(ctx)
}

// A floorLink carries messages between two floors over NATS: each group is a subject, to which a floor
// subscribes when its first member comes.
type floorLink struct {
	nc *nats.Conn

	mu       sync.Mutex // guards followed
	followed map[string]bool
}

func startFloorNode(broker string) (string, error) {
	nc, err := nats.Connect("nats://"+broker, nats.NoEcho())
	if err != nil {
		return "", err
	}
	return serveFloor(&floor{out: writeAll, link: &floorLink{nc: nc, followed: make(map[string]bool)}})
}

// follow has the messages of a group come. A link that is nil does nothing.
func (l *floorLink) follow(s *floor, group string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followed[group] {
		return nil
	}
	var frame []byte
	_, err := l.nc.Subscribe("g."+group, func(m *nats.Msg) {
		frame = appendFloor(frame[:0], m.Data)
		for _, box := range s.groups.of(m.Data) {
			box.put(frame)
		}
	})
	l.followed[group] = err == nil
	return errors.Join(err, l.nc.Flush())
}

func (l *floorLink) publish(message []byte) error {
	if l == nil || len(message) < groupLen {
		return nil
	}
	return l.nc.Publish("g."+string(message[:groupLen]), message)
}

// natsBroker is a broker of centrifuge over NATS that was written for this benchmark: centrifuge itself has one for Redis only. A publication is a
// message as it is, on the subject of its channel. There is no history, and no notice of who joins.
type natsBroker struct {
	nc      *nats.Conn
	handler centrifuge.BrokerEventHandler

	mu   sync.Mutex // guards subs
	subs map[string]*nats.Subscription
}

const channelSubject = "channel."

func startCentrifugeNode(broker string) (string, error) {
	nc, err := nats.Connect("nats://" + broker)
	if err != nil {
		return "", err
	}
	return serveCentrifuge(func(n *centrifuge.Node) error {
		n.SetBroker(&natsBroker{nc: nc, subs: make(map[string]*nats.Subscription)})
		return nil
	})
}

func (b *natsBroker) RegisterBrokerEventHandler(h centrifuge.BrokerEventHandler) error {
	b.handler = h
	return nil
}

func (b *natsBroker) Subscribe(channels ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range channels {
		sub, err := b.nc.Subscribe(channelSubject+ch, func(m *nats.Msg) {
			b.handler.HandlePublication(ch, &centrifuge.Publication{Data: m.Data}, centrifuge.StreamPosition{}, false, nil)
		})
		if err != nil {
			return err
		}
		b.subs[ch] = sub
	}
	return b.nc.Flush()
}

func (b *natsBroker) Unsubscribe(channels ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range channels {
		if sub := b.subs[ch]; sub != nil {
			delete(b.subs, ch)
			if err := sub.Unsubscribe(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *natsBroker) Publish(ch string, data []byte, _ centrifuge.PublishOptions) (centrifuge.PublishResult, error) {
	return centrifuge.PublishResult{}, b.nc.Publish(channelSubject+ch, data)
}

func (b *natsBroker) PublishJoin(string, *centrifuge.ClientInfo) error  { return nil }
func (b *natsBroker) PublishLeave(string, *centrifuge.ClientInfo) error { return nil }

func (b *natsBroker) History(string, centrifuge.HistoryOptions) ([]*centrifuge.Publication, centrifuge.StreamPosition, error) {
	return nil, centrifuge.StreamPosition{}, centrifuge.ErrorNotAvailable
}

func (b *natsBroker) RemoveHistory(string) error { return centrifuge.ErrorNotAvailable }
