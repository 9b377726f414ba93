package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	host = "127.0.0.1" // the server has no credentials, so it is for this machine only, wherever the chat listens

	// serverName tells the server of a chat from other servers of NATS.
	serverName = "hisock-chat"

	startTime = 10 * time.Second // how long the server may take to start
	lookTime  = time.Second      // how long a server may take to say its name
	again     = 50 * time.Millisecond
)

// An embedded is the NATS server of a chat, or of another chat on this machine.
type embedded struct {
	url   string
	close func()
}

// embed starts a NATS server at a port of this machine. If another chat has its server there, that is returned. If the port belongs to somebody
// else, or is 0, the server has any port that is free.
func embed(ctx context.Context, port int) (*embedded, error) {
	if port == 0 {
		return startServer(server.RANDOM_PORT)
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		if isFree(port) {
			if e, err := startServer(port); err == nil || !errors.Is(err, errNotStarted) {
				return e, err
			}
		}
		// Somebody has the port: perhaps a chat that was started in the same moment.
		switch name, err := nameOf(port); {
		case err == nil && name == serverName:
			return &embedded{url: urlOf(port), close: func() {}}, nil
		case err == nil || errors.Is(err, errNoNATS):
			return startServer(server.RANDOM_PORT)
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return startServer(server.RANDOM_PORT)
		}
	}
}

func urlOf(port int) string { return "nats://" + net.JoinHostPort(host, strconv.Itoa(port)) }

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close() //nolint:errcheck // it was free
	return true
}

// errNotStarted says that a server could not be started at its port.
var errNotStarted = errors.New("the NATS server could not be started")

// startServer starts a server that keeps everything in memory, but for some notes in a temporary folder.
func startServer(port int) (*embedded, error) {
	dir, err := os.MkdirTemp("", "hisock-chat-nats-*")
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: serverName, Host: host, Port: port, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir,
	})
	if err != nil {
		os.RemoveAll(dir) //nolint:errcheck // it is in the system's temporary folder
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	e := &embedded{close: func() {
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir) //nolint:errcheck // as above
	}}
	s.Start()
	if !s.ReadyForConnections(startTime / 2) {
		e.close()
		return nil, errNotStarted
	}
	e.url = s.ClientURL()
	return e, nil
}

// errNoNATS says that something else than NATS answers at a port.
var errNoNATS = errors.New("no NATS server is there")

// nameOf returns the name of the NATS server at a port.
func nameOf(port int) (string, error) {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), lookTime)
	if err != nil {
		return "", err
	}
	defer c.Close()                             //nolint:errcheck // it was only read from
	c.SetReadDeadline(time.Now().Add(lookTime)) //nolint:errcheck // it is open
	line, err := bufio.NewReaderSize(c, 64<<10).ReadSlice('\n')
	info, isInfo := strings.CutPrefix(string(line), "INFO ")
	var said struct {
		Name string `json:"server_name"`
	}
	if err != nil || !isInfo || json.Unmarshal([]byte(info), &said) != nil {
		return "", errNoNATS
	}
	return said.Name, nil
}
