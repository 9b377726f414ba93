package serve

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startPageNATS starts a NATS server in this process, for pages over WebSocket, and a client of it in the same process that answers them.
func startPageNATS() (string, error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoLog: true, NoSigs: true,
		Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true},
	})
	if err != nil {
		return "", err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the server does not get ready")
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return "", err
	}
	var got taken
	// One subscription, so that all messages of a page are handled in order.
	if _, err := nc.Subscribe("bench.*", func(m *nats.Msg) {
		switch m.Subject {
		case "bench.echo":
			m.Respond(m.Data)
		case "bench.texts":
			n, err := strconv.Atoi(string(m.Data))
			if err != nil {
				return
			}
			for range n {
				nc.Publish(m.Reply, []byte(pageText))
			}
		case "bench.take":
			got.add()
		case "bench.taken":
			m.Respond(strconv.AppendInt(nil, got.tell(), 10))
		}
	}); err != nil {
		return "", err
	}
	return strings.TrimPrefix(s.WebsocketURL(), "ws://"), nc.Flush()
}
