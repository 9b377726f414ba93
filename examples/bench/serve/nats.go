package serve

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/examples/bench/items"
)

// startNATS starts a NATS server in this process, with its default options. The server runs no code of the program.
// For an echo a connection publishes to a subject that it has subscribed to itself. Items come from a publisher in
// this process, which is connected to the server as any other client is.
func startNATS() (string, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return "", err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the server does not get ready")
	}
	addr := s.Addr().String()
	return addr, publishItems("nats://" + addr)
}

// publishItems publishes items for each client that asks. A request has the subject, the size of an item, and the
// number of items ahead of the taken ones.
func publishItems(url string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	_, err = nc.Subscribe("items", func(m *nats.Msg) {
		var subject string
		var size, window int
		if _, err := fmt.Sscan(string(m.Data), &subject, &size, &window); err != nil {
			return // no request of this benchmark
		}
		credit := make(chan struct{}, 1<<10)
		if _, err := nc.Subscribe(subject+".taken", func(*nats.Msg) { credit <- struct{}{} }); err != nil {
			return
		}
		if m.Respond(nil) != nil {
			return
		}
		go func() {
			ring, left := items.NewRing(size), window
			for n := uint64(0); ; n++ {
				if left == 0 {
					<-credit
					left = window / 4
				}
				left--
				if nc.Publish(subject, ring.At(n)) != nil {
					return
				}
			}
		}()
	})
	if err != nil {
		return err
	}
	return nc.Flush()
}
