//go:build !js

package ws

import (
	"net/http"
	"strings"
	"time"
)

const (
	// maxRefusing is how many pages at once are told why they are refused. Other pages get an HTTP
	// answer, which browsers hide from them.
	maxRefusing = 64

	// refuseTime is how long telling a page may take. refuseBytes is how many bytes of the page are read and
	// thrown away meanwhile.
	refuseTime  = time.Second
	refuseBytes = 64 << 10

	codePolicy = 1008 // RFC 6455, section 7.4.1
)

// RefuseWith implements [transport.Refuser] for pages whose origin is not let in. Browsers do not show a page
// the status or the body of an HTTP answer, so the page would try again for ever. Once say is
// set, the WebSocket of such a page is made, is sent the result of say as a message, and is closed with code
// 1008 and the reason. Nothing that the page sends is used. At most 64 pages are told at once.
func (l *Listener) RefuseWith(say func(reason string) []byte) {
	if say == nil {
		l.say.Store(nil)
		return
	}
	l.say.Store(&say)
}

// tellPage tells a page why it is refused, if RefuseWith has been called. It returns false if it has not
// answered the request.
func (l *Listener) tellPage(w http.ResponseWriter, r *http.Request, why *RejectError) bool {
	say := l.say.Load()
	if say == nil {
		return false
	}
	select {
	case l.refusing <- struct{}{}:
		defer func() { <-l.refusing }()
	default:
		return false
	}
	up := &upgrade{ResponseWriter: w, instead: why}
	if err := acceptHandshake(up, r); err != nil {
		return up.status != 0
	}
	why.Status = up.status
	c := newConn(up.stream, up.unread, serverInfo(r, visitor{}, up.stream), false)
	defer c.Close()
	limit := time.Now().Add(refuseTime)
	c.SetWriteDeadline(limit) //nolint:errcheck // then it takes longer
	c.SetReadDeadline(limit)  //nolint:errcheck // then it takes longer
	if _, err := c.Write((*say)(why.Reason)); err != nil {
		return true
	}
	reason := strings.ToValidUTF8(short(why.Reason, maxReason-len("…")), "?")
	if err := c.end(&CloseError{Code: codePolicy, Reason: reason}, errWriteEnded, true); err != nil {
		return true
	}
	// If unread bytes of the page were left, Close would reset the connection, and the message could be lost.
	buf := readAheads.Get()
	defer readAheads.Put(buf)
	for past := 0; past < refuseBytes; {
		n, err := c.stream.Read(buf)
		if err != nil {
			break
		}
		past += n
	}
	return true
}
