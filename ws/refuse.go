//go:build !js

package ws

import (
	"net/http"
	"strings"
	"time"
)

const (
	// maxRefusing is how many pages are told at once why they are refused; more get an answer of
	// HTTP, which browsers hide from them.
	maxRefusing = 64

	// refuseTime is how long that may take, and refuseBytes how much is thrown away meanwhile.
	refuseTime  = time.Second
	refuseBytes = 64 << 10

	codePolicy = 1008 // RFC 6455, section 7.4.1
)

// RefuseWith implements [transport.Refuser], for pages whose origin is not let in. A page is not
// told the status of an HTTP answer, nor its body, and would try again for ever. So once say is
// set its WebSocket is made, gets what say returns as a message, and is closed with code 1008 and
// the reason. Nothing that it sends is read by anybody. At most 64 are told so at once.
func (l *Listener) RefuseWith(say func(reason string) []byte) {
	if say == nil {
		l.say.Store(nil)
		return
	}
	l.say.Store(&say)
}

// tellPage tells a page why it is refused, if there are words for it. It reports false if it has not
// answered at all.
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
	// Closing at once could take it away again.
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
