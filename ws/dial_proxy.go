//go:build !js

package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// An outlet is a proxy through which a connection is made.
type outlet struct{ url *url.URL }

var outletPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// proxyFor returns the proxy for a URL, or nil.
func (d *dialer) proxyFor(t target, parsed *url.URL) (*outlet, error) {
	asked := *parsed
	if asked.Scheme = "http"; t.secure {
		asked.Scheme = "https"
	}
	u, err := d.proxy(&http.Request{Method: http.MethodGet, URL: &asked, Host: t.host, Header: http.Header{}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("which proxy to use: %w", err)
	case u == nil:
		return nil, nil
	case outletPorts[u.Scheme] == "" || u.Hostname() == "":
		return nil, errors.New("proxy " + strconv.Quote(u.Redacted()) + " is none of http, https and socks5")
	}
	return &outlet{u}, nil
}

func (o *outlet) address() string {
	port := o.url.Port()
	if port == "" {
		port = outletPorts[o.url.Scheme]
	}
	return net.JoinHostPort(o.url.Hostname(), port)
}

// open asks the proxy for a connection to an address. stream is a connection to the proxy. If open fails, it
// closes the stream.
func (o *outlet) open(ctx context.Context, stream net.Conn, config *tls.Config, to string) (net.Conn, error) {
	if o.url.Scheme == "https" {
		if config = config.Clone(); config != nil {
			config.ServerName = "" // the option names the server, not the proxy
		}
		var err error
		if stream, err = secure(ctx, stream, config, o.address()); err != nil {
			return nil, err
		}
	}
	unwatch := context.AfterFunc(ctx, func() { cut(stream) })
	ask := o.connect
	if o.url.Scheme == "socks5" || o.url.Scheme == "socks5h" {
		ask = o.socks
	}
	err := ask(stream, to)
	if !unwatch() || ctx.Err() != nil { // the stream is cut, or will be
		err = context.Cause(ctx)
	}
	if err != nil {
		cut(stream)
		return nil, err
	}
	return stream, nil
}

// connect asks an HTTP proxy with CONNECT: RFC 9110, section 9.3.6.
func (o *outlet) connect(stream net.Conn, to string) error {
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to}, Host: to, Header: http.Header{}}
	if user := o.url.User; user != nil {
		password, _ := user.Password()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := r.Write(stream); err != nil {
		return err
	}
	br := bufio.NewReader(&io.LimitedReader{R: stream, N: maxAnswer})
	response, err := http.ReadResponse(br, r)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return errors.New("it answered " + strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode))
	case br.Buffered() > 0:
		return errors.New("it sent more than an answer")
	}
	return nil
}

// socks asks a SOCKS 5 proxy with CONNECT: RFC 1928, and RFC 1929 for a user. The proxy resolves the name.
func (o *outlet) socks(stream net.Conn, to string) error {
	const version, noAuth, userAuth = 5, 0, 2
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return err
	}
	user, password := "", ""
	methods := []byte{noAuth}
	if u := o.url.User; u != nil {
		user = u.Username()
		password, _ = u.Password()
		methods = []byte{userAuth, noAuth}
	}
	if len(user) > 255 || len(password) > 255 || len(host) > 255 {
		return errors.New("a host, user or password is longer than SOCKS allows")
	}
	answer := func(say []byte, size int) ([]byte, error) {
		if len(say) > 0 {
			if _, err := stream.Write(say); err != nil {
				return nil, err
			}
		}
		b := make([]byte, size)
		_, err := io.ReadFull(stream, b)
		return b, err
	}
	b, err := answer(append([]byte{version, byte(len(methods))}, methods...), 2)
	switch {
	case err != nil:
		return err
	case b[0] != version:
		return errors.New("it does not speak SOCKS 5")
	case b[1] == userAuth && user != "":
		say := append([]byte{1, byte(len(user))}, user...)
		say = append(append(say, byte(len(password))), password...)
		if b, err = answer(say, 2); err != nil {
			return err
		}
		if b[1] != 0 {
			return errors.New("it refuses the user")
		}
	case b[1] != noAuth:
		return errors.New("it wants another method of authentication")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	say := []byte{version, 1, 0}
	switch ip, err := netip.ParseAddr(host); {
	case err != nil:
		say = append(append(say, 3, byte(len(host))), host...)
	case ip.Unmap().Is4():
		say = append(append(say, 1), ip.Unmap().AsSlice()...)
	default:
		say = append(append(say, 4), ip.AsSlice()...)
	}
	say = append(say, byte(number>>8), byte(number))
	if b, err = answer(say, 4); err != nil {
		return err
	}
	if b[0] != version || b[1] != 0 {
		return errors.New("it refuses the connection: SOCKS 5, reply " + strconv.Itoa(int(b[1])))
	}
	size := 0 // bytes of the proxy's own address in its reply
	switch b[3] {
	case 1:
		size = net.IPv4len
	case 4:
		size = net.IPv6len
	case 3:
		if b, err = answer(nil, 1); err != nil {
			return err
		}
		size = int(b[0])
	default:
		return errors.New("it sent an address of an unknown kind")
	}
	_, err = answer(nil, size+2)
	return err
}
