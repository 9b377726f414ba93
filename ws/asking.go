//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
)

// maxAnswer bounds, in bytes, the header of a server's answer, and maxHints how many answers
// that are none (1xx) may come before it.
const (
	maxAnswer = 64 << 10
	maxHints  = 5
)

// An asking is the [http.RoundTripper] of one handshake, on a stream that it keeps.
type asking struct {
	stream net.Conn
	unread []byte // what the server has sent already behind its answer
}

// client is an HTTP client for the one request.
func (a *asking) client() *http.Client {
	return &http.Client{
		Transport:     a,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements [http.RoundTripper]. What ends the request's context has to cut the
// stream.
func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Write(a.stream); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: a.stream}
	br := bufio.NewReader(limited)
	for range maxHints {
		limited.N = maxAnswer
		response, err := http.ReadResponse(br, r)
		switch {
		case err != nil && limited.N == 0:
			return nil, errors.New("the header of the answer exceeded " + strconv.Itoa(maxAnswer) + " bytes")
		case err != nil:
			return nil, err
		case response.StatusCode == http.StatusSwitchingProtocols:
			unread, _ := br.Peek(br.Buffered())
			a.unread = bytes.Clone(unread)
			response.Body = dead{}
			return response, nil
		case response.StatusCode >= http.StatusOK:
			limited.N = math.MaxInt64
			response.Body = rejection{response.Body, a.stream}
			return response, nil
		}
	}
	return nil, errors.New("the server sent hints and no answer")
}

// A rejection is the body of an answer that makes no WebSocket. Closing it must not read it to
// its end, which may never come.
type rejection struct {
	io.Reader
	stream net.Conn
}

func (r rejection) Close() error { return cut(r.stream) }
