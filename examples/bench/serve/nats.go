package serve

import (
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A NATS server in this process, with its default options. It runs no code of the program: for an echo a
// connection publishes to a subject that it has subscribed to itself.
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
	return s.Addr().String(), nil
}
