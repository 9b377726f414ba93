package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// newDialer returns a dialer to a URL. The scheme is tcp or tls, with a host and a port, or ws or
// wss. A WebSocket URL without a path means /ws.
func newDialer(raw string) (transport.Dialer, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no address such as tcp://127.0.0.1:6969", raw)
	}
	switch u.Scheme {
	case "ws", "wss":
		if u.Path == "" || u.Path == "/" {
			u.Path = "/ws"
		}
		return ws.Dialer(u.String(), nil), nil
	case "tcp", "tls":
		if err := onlyHostAndPort(u); err != nil {
			return nil, fmt.Errorf("%q: %w", raw, err)
		}
		if u.Scheme == "tls" {
			return tcp.Dialer(u.Host, &tcp.Options{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}), nil
		}
		return tcp.Dialer(u.Host, nil), nil
	case "http", "https":
		u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
		u.Path = "/ws"
		return nil, fmt.Errorf("%q is the page: open it in a browser, or join %s", raw, u)
	}
	return nil, fmt.Errorf("%q: a chat is joined over tcp, tls, ws or wss", raw)
}

func onlyHostAndPort(u *url.URL) error {
	switch {
	case u.Port() == "":
		return errors.New("the port is missing")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", u.User != nil:
		return errors.New("there may be nothing but a host and a port")
	}
	return nil
}
