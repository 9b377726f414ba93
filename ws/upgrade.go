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

// writeAhead is the size of the socket's own write buffer. It holds a control frame, so
// that those go out whole; what makes writes large is the gathering of the [link].
const writeAhead = 256

// An upgrade is the ResponseWriter of one handshake. It does what the socket
// would not do by itself:
//
//   - It finds the connection below the ResponseWriters of middleware.
//   - It sends the answer on the connection that it has taken over, so
//     that no middleware holds it back, and only when that has worked.
//   - It puts a [link] in place of the connection, and small buffers in place of the
//     server's, which are 4 KiB each.
type upgrade struct {
	http.ResponseWriter
	readAhead int

	hijacked bool // or tried to
	status   int  // as answered; 0 before
	link     *link
}

const noHijack = "this connection cannot be taken over: it is HTTP/2, or behind a middleware without Unwrap"

// WriteHeader keeps back the answer to a handshake that works, for Hijack.
func (u *upgrade) WriteHeader(status int) {
	if u.hijacked || status == http.StatusSwitchingProtocols {
		return
	}
	u.status = status
	u.ResponseWriter.WriteHeader(status)
}

// Write sends why a handshake has failed.
func (u *upgrade) Write(p []byte) (int, error) {
	if u.hijacked {
		return 0, http.ErrHijacked
	}
	return u.ResponseWriter.Write(p)
}

// Hijack implements [http.Hijacker]. It answers in any case: nothing that the socket
// writes afterwards counts.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	u.hijacked = true
	conn, buffered, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Accept"} {
			u.Header().Del(name)
		}
		u.status = http.StatusNotImplemented
		http.Error(u.ResponseWriter, noHijack, u.status)
		return nil, nil, err
	}
	unread, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	u.link = serverLink(conn, unread)
	u.status = http.StatusSwitchingProtocols
	if err := u.answer(conn); err != nil {
		u.link.Close()
		return nil, nil, err
	}
	return u.link, bufio.NewReadWriter(
		bufio.NewReaderSize(u.link, u.readAhead),
		bufio.NewWriterSize(u.link, writeAhead),
	), nil
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
