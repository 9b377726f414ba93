package load

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// A role says what a connection is for.
type role struct {
	job   job
	group uint16 // of a receiver
}

type job uint8

const (
	echo    job = iota // what it sends comes back
	call               // the same with calls, where there are such
	receive            // gets what is sent to its group
	send               // sends to groups
)

// name is what the servers written by hand are told, as the first message or in the URL.
func (r role) name() string {
	switch r.job {
	case receive:
		return "recv/" + groupName(r.group)
	case send:
		return "send"
	default:
		return "echo"
	}
}

// groupName is how a group is called: the first four bytes of the messages for it.
func groupName(group uint16) string {
	h := message{id: group, size: headerSize}.header()
	return string(h[:4])
}

// A codec speaks one protocol over one connection. What writes (begin, append, seal) and what reads (feed,
// control) may run at the same time.
type codec interface {
	// open shakes hands and returns once the server knows the connection in that role.
	open(nc net.Conn, r role) error

	// begin begins a batch of messages, which goes out in one write.
	begin(dst []byte) []byte
	append(dst []byte, m message) []byte
	// seal completes the batch that began when dst had start bytes.
	seal(dst []byte, start int) []byte

	// feed hands each whole message in b to got and returns how much of b is done with.
	feed(b []byte, got func(payload []byte) error) (n int, err error)
	// control returns what must be written for the protocol's own sake, nil mostly.
	// It is valid until the next feed. more says that messages are about to be written too, so that
	// what has time may go with them.
	control(more bool) []byte
}

var codecs = map[string]func() codec{
	"floor":      func() codec { return &floorCodec{} },
	"hisock/tcp": func() codec { return &hisockCodec{} },
	"hisock/ws":  func() codec { return &hisockWSCodec{} },
	"nats":       func() codec { return &natsCodec{} },
	"centrifuge": func() codec { return &centrifugeCodec{} },
	"socket.io":  func() codec { return &socketIOCodec{} },
	"websocket":  func() codec { return &wsCodec{} },
}

// Protocols returns the names of the protocols that are spoken here.
func Protocols() []string {
	var names []string
	for name := range codecs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func newCodec(protocol string) (codec, error) {
	if f := codecs[protocol]; f != nil {
		return f(), nil
	}
	return nil, fmt.Errorf("load: no protocol %s", strconv.Quote(protocol))
}
