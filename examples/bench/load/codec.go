package load

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// A role is the task of a connection.
type role struct {
	job   job
	group uint16 // group of a receiver
}

type job uint8

const (
	echo    job = iota // the server sends its messages back
	call               // the same with calls, if the protocol has calls
	receive            // is sent the messages for its group
	send               // sends to groups
)

// name returns the text that tells a server the role, in the first message or in the URL.
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

// groupName returns the name of a group: the first four bytes of the messages for it.
func groupName(group uint16) string {
	h := message{id: group, size: headerSize}.header()
	return string(h[:4])
}

// A codec speaks one protocol over one connection. One goroutine may write (begin, append, seal) while another
// reads (feed, control).
type codec interface {
	// open makes the handshake, and returns once the server knows the role of the connection.
	open(nc net.Conn, r role) error

	// begin begins a batch of messages, which is sent in one write.
	begin(dst []byte) []byte
	append(dst []byte, m message) []byte
	// seal completes the batch that began when dst had start bytes.
	seal(dst []byte, start int) []byte

	// feed calls got with each whole message in b, and returns how many bytes of b it has used.
	feed(b []byte, got func(payload []byte) error) (n int, err error)
	// control returns bytes that the protocol itself must send, such as pongs, and mostly nil.
	// They are valid until the next feed. more says that messages will be written with them; without more it
	// returns only urgent bytes.
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

// Protocols returns the names of the protocols that the load can speak.
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
