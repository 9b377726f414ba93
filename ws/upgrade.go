//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"time"
)

// answerTimeout bounds how long the answer to a handshake may take to write. The HTTP server's
// own timeouts do not hold any more then.
const answerTimeout = 10 * time.Second

// An upgrade is the ResponseWriter of one handshake. It does three things that the library which makes
// handshakes does not do:
//
//   - It finds the connection below the ResponseWriters of middleware.
//   - It writes the answer to the connection once it has taken the connection over, so
//     no middleware holds the answer back.
//   - It keeps the connection for itself, and keeps none of the HTTP server's buffers.
type upgrade struct {
	http.ResponseWriter
	instead *RejectError // answer to a failed handshake in place of the library's answer; nil for the library's
	agreed  string       // value of Sec-WebSocket-Extensions in the answer; empty for none

	hijacked bool // Hijack was called
	status   int  // HTTP status of the answer; 0 before the answer
	stream   net.Conn
	unread   []byte // bytes that the client has sent after its request
}

const noHijack = "this connection cannot be taken over: it is HTTP/2, or behind a middleware without Unwrap"

// WriteHeader does not write the answer to a valid handshake: Hijack does.
func (u *upgrade) WriteHeader(status int) {
	if u.hijacked || status == http.StatusSwitchingProtocols {
		return
	}
	if u.instead != nil {
		u.refuse()
		return
	}
	u.status = status
	u.ResponseWriter.WriteHeader(status)
}

// refuse answers with instead, once.
func (u *upgrade) refuse() {
	if u.status == 0 {
		u.status = u.instead.Status
		http.Error(u.ResponseWriter, u.instead.Reason, u.status)
	}
}

// Write sends the reason why a handshake has failed.
func (u *upgrade) Write(p []byte) (int, error) {
	if u.hijacked {
		return 0, http.ErrHijacked
	}
	if u.instead != nil {
		u.refuse()
		return len(p), nil
	}
	return u.ResponseWriter.Write(p)
}

// Hijack implements [http.Hijacker]. It takes the connection over, answers the handshake, and returns a dead
// connection in its place. If it fails it has answered too. Nothing that is written afterwards counts.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	u.hijacked = true
	conn, buffered, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Accept"} {
			u.Header().Del(name)
		}
		if u.instead != nil {
			u.refuse()
			return nil, nil, err
		}
		u.status = http.StatusNotImplemented
		http.Error(u.ResponseWriter, noHijack, u.status)
		return nil, nil, err
	}
	unread, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	u.stream, u.unread = conn, bytes.Clone(unread)
	u.status = http.StatusSwitchingProtocols
	if err := u.answer(conn); err != nil {
		cut(conn)
		return nil, nil, err
	}
	return dead{}, bufio.NewReadWriter(bufio.NewReaderSize(dead{}, 0), bufio.NewWriterSize(dead{}, 1)), nil
}

func (u *upgrade) answer(conn net.Conn) error {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	if u.agreed != "" {
		u.Header().Set(extensionsHeader, u.agreed)
	}
	u.Header().Write(&b)
	b.WriteString("\r\n")
	conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := conn.Write(b.Bytes()); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}
