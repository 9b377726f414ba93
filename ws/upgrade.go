//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"time"
)

// answerTimeout bounds the writing of the answer to a handshake, which the server's
// own timeouts no longer do.
const answerTimeout = 10 * time.Second

// An upgrade is the ResponseWriter of one handshake. It does what the library that shakes
// hands would not do by itself:
//
//   - It finds the connection below the ResponseWriters of middleware.
//   - It sends the answer on the connection that it has taken over, so
//     that no middleware holds it back, and only when that has worked.
//   - It keeps the connection to itself, and nothing of the server's buffers.
type upgrade struct {
	http.ResponseWriter
	instead *RejectError // answered in place of whatever is wrong with the handshake; nil: that

	hijacked bool // or tried to
	status   int  // as answered; 0 before
	stream   net.Conn
	unread   []byte // what the client has sent already behind its request
}

const noHijack = "this connection cannot be taken over: it is HTTP/2, or behind a middleware without Unwrap"

// WriteHeader keeps back the answer to a handshake that works, for Hijack.
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

// Write sends why a handshake has failed.
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

// Hijack is that of [http.Hijacker] for whoever wants to shake hands only: the connection that
// it returns is dead. It answers in any case: nothing that is written afterwards counts.
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
	u.Header().Write(&b)
	b.WriteString("\r\n")
	conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := conn.Write(b.Bytes()); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}
