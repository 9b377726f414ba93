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

const (
	maxAnswer = 64 << 10 // greatest size of the header of a server's answer, in bytes
	maxHints  = 5        // answers to read at most; all but the last one may be hints (status 1xx)
)

// An asking is the [http.RoundTripper] of one handshake. It leaves the stream open, and keeps the offer of compression
// and the answer to it from the library.
type asking struct {
	stream net.Conn
	offer  string   // value of Sec-WebSocket-Extensions; empty for none
	unread []byte   // bytes that the server has sent after its answer
	agreed []string // the server's Sec-WebSocket-Extensions, if there was an offer
}

// client returns an HTTP client for the request of the handshake.
func (a *asking) client() *http.Client {
	return &http.Client{
		Transport:     a,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements [http.RoundTripper]. It does not watch the request's context: when the context ends,
// somebody else must cut the stream.
func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.offer != "" {
		r.Header.Set(extensionsHeader, a.offer) // the request is no other's
	}
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
			if a.offer != "" {
				a.agreed = response.Header.Values(extensionsHeader)
				response.Header.Del(extensionsHeader) // the library offers no extension
			}
			return response, nil
		case response.StatusCode >= http.StatusOK:
			limited.N = math.MaxInt64
			response.Body = rejection{response.Body, a.stream}
			return response, nil
		}
	}
	return nil, errors.New("the server sent hints and no answer")
}

// A rejection is the body of an answer that makes no WebSocket. Closing it must not read the body to
// the end, which may never come.
type rejection struct {
	io.Reader
	stream net.Conn
}

func (r rejection) Close() error { return cut(r.stream) }
