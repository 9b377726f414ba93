package measure

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/natsrelay"
	"github.com/hisock/hisock/tcp"
)

// send sends a payload to whoever is named before its first zero byte: "=NAME" is a client, anything else a group.
func send(srv *core.Server, payload []byte) error {
	to, _, ok := bytes.Cut(payload, []byte{0})
	switch {
	case !ok:
		return errors.New("nobody is named")
	case len(to) > 0 && to[0] == '=':
		return srv.Named(string(to[1:])).SendBytes("say", payload)
	}
	return srv.Group(string(to)).SendBytes("say", payload)
}

// A ClientsSpec describes clients of one node.
type ClientsSpec struct {
	Addr   string
	Names  []string   // one for each client; an empty one is no name
	Groups [][]string // of each client; may be shorter
	Hears  bool       // the clients want to hear of other clients
}

// Clients connects clients, which count what they are sent. They stay until the process ends, or Leave.
func (w *Worker) Clients(s ClientsSpec, _ *bool) error {
	made := make([]*core.Client, len(s.Names))
	errs := make(chan error, len(s.Names))
	free := make(chan struct{}, 32)
	for i, name := range s.Names {
		free <- struct{}{}
		go func() {
			o := &core.ClientOptions{Name: name, Logger: core.Silent, Retry: core.Retry{Off: true}}
			if i < len(s.Groups) {
				o.Groups = s.Groups[i]
			}
			c, err := core.NewClient(tcp.Dialer(s.Addr, nil), o)
			if err == nil {
				if s.Hears {
					c.OnClientConnect(func(core.Presence) {})
					c.OnClientDisconnect(func(core.Presence) {})
				}
				c.OnBytes("say", func(context.Context, *core.Conn, []byte) error { w.got.Add(1); return nil })
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				err = c.Connect(ctx)
				cancel()
			}
			made[i] = c
			<-free
			errs <- err
		}()
	}
	var all error
	for range s.Names {
		all = errors.Join(all, <-errs)
	}
	w.clients = append(w.clients, made...)
	return all
}

// Leave closes all clients.
func (w *Worker) Leave(_ bool, _ *bool) error {
	var all sync.WaitGroup
	for _, c := range w.clients {
		all.Go(func() { c.Close() }) //nolint:errcheck // it is gone either way
	}
	all.Wait()
	w.clients = nil
	return nil
}

// A Say makes each client send a command Times times, once in each Every, evenly spread. Payloads are used in turn, over all clients and rounds.
type Say struct {
	Command  string
	Payloads [][]byte
	Times    int
	Every    time.Duration
}

// Say does that.
func (w *Worker) Say(s Say, _ *bool) error {
	begun := time.Now()
	i := 0
	for range s.Times {
		for _, c := range w.clients {
			if err := c.SendBytes(s.Command, s.Payloads[i%len(s.Payloads)]); err != nil {
				return err
			}
			i++
			time.Sleep(time.Until(begun.Add(s.Every * time.Duration(i) / time.Duration(len(w.clients)))))
		}
	}
	return nil
}

// A Sending makes a node send to all (an empty Group) or to a group: Times bursts of Burst messages of Size bytes, with Every between them.
type Sending struct {
	Group              string
	Size, Burst, Times int
	Every              time.Duration
}

// Send does that, and returns the least time that a burst has taken its sender.
func (w *Worker) Send(s Sending, least *time.Duration) error {
	var to core.Sender = w.srv.All()
	if s.Group != "" {
		to = w.srv.Group(s.Group)
	}
	payload := make([]byte, s.Size)
	next := time.Now()
	for i := range s.Times {
		begun := time.Now()
		for range s.Burst {
			if err := to.SendBytes("say", payload); err != nil && core.CodeOf(err) != core.CodeUnknownClient {
				return err
			}
		}
		if took := time.Since(begun); i == 0 || took < *least {
			*least = took
		}
		next = next.Add(s.Every)
		time.Sleep(time.Until(next))
	}
	return nil
}

// A Scatter makes a node send a message of Size bytes to one client after the other, Times in all, one each Every.
type Scatter struct {
	Size, Times int
	Every       time.Duration
}

// Scatter does that.
func (w *Worker) Scatter(s Scatter, _ *bool) error {
	payload := make([]byte, s.Size)
	all := slices.Collect(w.srv.Clients())
	begun := time.Now()
	for i := range s.Times {
		if err := all[i%len(all)].SendBytes("say", payload); err != nil {
			return err
		}
		time.Sleep(time.Until(begun.Add(time.Duration(i) * s.Every)))
	}
	return nil
}

// Count asks all nodes for the number of members of a group, that many times.
func (w *Worker) Count(times int, _ *bool) error {
	for range times {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := w.srv.Cluster().LenIn(ctx, "g")
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// Sinks are plain connections to NATS that take all messages on a subject and do nothing with them.
type Sinks struct {
	URL, Subject string
	N            int
}

// Sinks connects them.
func (w *Worker) Sinks(s Sinks, _ *bool) error {
	for range s.N {
		c, err := nats.Connect(s.URL)
		if err != nil {
			return err
		}
		if _, err = c.Subscribe(s.Subject, func(*nats.Msg) { w.got.Add(1) }); err == nil {
			err = c.Flush()
		}
		if err != nil {
			return err
		}
		w.sinks = append(w.sinks, c)
	}
	return nil
}

// Plain sends over a plain connection to NATS: Times bursts of Burst messages, with Every between them.
type Plain struct {
	URL, Subject       string
	Size, Burst, Times int
	Every              time.Duration
}

// Plain does that.
func (w *Worker) Plain(p Plain, _ *bool) error {
	c, err := nats.Connect(p.URL)
	if err != nil {
		return err
	}
	defer c.Close()
	payload := make([]byte, p.Size)
	next := time.Now()
	for range p.Times {
		for range p.Burst {
			if err := c.Publish(p.Subject, payload); err != nil {
				return err
			}
		}
		if err := c.Flush(); err != nil {
			return err
		}
		next = next.Add(p.Every)
		time.Sleep(time.Until(next))
	}
	return nil
}

// deaf is the handler of a bare node.
type deaf struct{ up chan struct{} }

func (d deaf) Message(string, []byte) {}
func (d deaf) Up()                    { close(d.up) }
func (d deaf) Down(error)             {}
func (d deaf) Lost(int)               {}
func (d deaf) ClaimsLost()            {}

// A BareSpec describes a node of the relay without a server.
type BareSpec struct {
	URL      string
	Replicas int
}

// Bare joins the relay.
func (w *Worker) Bare(s BareSpec, _ *bool) error {
	r, err := natsrelay.New(natsrelay.Options{Servers: []string{s.URL}, Lease: 60 * time.Second, Replicas: s.Replicas})
	if err != nil {
		return err
	}
	up := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if w.bare, err = r.Join(ctx, "bare"+strconv.FormatInt(time.Now().UnixNano(), 36), deaf{up}); err != nil {
		return err
	}
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe makes the bare node subscribe to n topics, each as a group has it, and notes them as a server does.
func (w *Worker) Subscribe(n int, _ *bool) error {
	w.topics = relay.NewQueue(1 << 20)
	for i := range n {
		name := "room " + strconv.Itoa(i)
		w.topics.Want(relay.Topic{To: relay.ToGroup, Name: name}, true)
		if err := w.bare.Subscribe(relay.TopicOf(relay.ToGroup, name)); err != nil {
			return err
		}
	}
	w.topics.Changes(n)
	_, err := w.bare.Publish([]core.RelayMessage{{Topic: "none", Payload: []byte("flushes")}})
	return err
}

// A Claiming makes the bare node do something with N keys, Beside at a time: claim, lookup or release.
type Claiming struct {
	What      string
	N, Beside int
	From      int // the first key
}

// Claim does that, and returns how long it has taken.
func (w *Worker) Claim(s Claiming, took *time.Duration) error {
	begun := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, s.Beside)
	for range s.Beside {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			for i := int(next.Add(1)); i <= s.N; i = int(next.Add(1)) {
				key := relay.KeyOfName("client " + strconv.Itoa(s.From+i))
				err := w.claim(ctx, s.What, key)
				for ctx.Err() == nil && err != nil { // for instance while the bucket has no leader
					time.Sleep(20 * time.Millisecond)
					err = w.claim(ctx, s.What, key)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	*took = time.Since(begun)
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func (w *Worker) claim(ctx context.Context, what, key string) (err error) {
	switch what {
	case "claim":
		_, _, err = w.bare.Claim(ctx, key, make([]byte, 8))
	case "lookup":
		_, _, err = w.bare.Lookup(ctx, key)
	default:
		err = w.bare.Release(ctx, key)
	}
	return err
}

// Sweep reads all claims, as each node does from time to time, and returns how many there are.
func (w *Worker) Sweep(url string, n *int) error {
	c, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer c.Close()
	js, err := jetstream.New(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "KV_hisock")
	if err != nil {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"$KV.hisock.claim.>"}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return err
	}
	for left := uint64(1); left > 0; {
		batch, err := consumer.Fetch(256, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return err
		}
		left = 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			*n++
			if left = meta.NumPending; left == 0 { // else the batch waits for more
				return nil
			}
		}
		if err := batch.Error(); err != nil {
			return err
		}
	}
	return nil
}
