//go:build !js

package ws

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/hisock/hisock/transport/proxy"
	"github.com/hisock/hisock/transport/socket"
)

// A visitor is where a request comes from.
type visitor struct {
	remote  string // the client's address, for [transport.Info]
	proxy   string // that of the proxy, if there is one
	relayed bool   // a trusted proxy has passed the request on
	host    string // that the client has asked for, as the proxy says; empty if it does not
}

// hostOf returns the host that a client has asked for.
func (v visitor) hostOf(r *http.Request) string {
	if v.host != "" {
		return v.host
	}
	return r.Host
}

// visitorOf says where a request comes from. Its RemoteAddr is that of the connection, or what
// middleware has put in its place.
func (l *Listener) visitorOf(r *http.Request) (visitor, *RejectError) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	unix := local != nil && socket.IsUnix(local) && !hasIP(r.RemoteAddr)
	peer := strings.ToValidUTF8(short(r.RemoteAddr, maxRemote), "?")
	if unix {
		peer = socket.Numbered("unix:")
	}
	v := visitor{remote: peer}
	if !l.proxies.Holds(r.RemoteAddr, unix) {
		return v, nil
	}
	via, ok, err := l.proxies.Request(r.Header, l.opts.ProxyHeader)
	switch {
	case err != nil:
		return v, &RejectError{Status: http.StatusBadRequest, Reason: "proxy " + quoted(peer) + ": " + err.Error()}
	case !ok: // the proxy itself, or a program on its machine
		return v, nil
	}
	v.relayed, v.proxy, v.host = true, peer, via.Host
	if via.Client != "" {
		v.remote = via.Client
	}
	return v, nil
}

// maxRemote bounds, in bytes, what middleware says of an address.
const maxRemote = 256

func hasIP(addr string) bool {
	if _, err := netip.ParseAddrPort(addr); err == nil {
		return true
	}
	_, err := netip.ParseAddr(addr)
	return err == nil
}

// newTrust reads the options about proxies.
func (o *Options) newTrust() (t proxy.Trust, err error) {
	if o.ProxyHeader, err = proxy.CheckHeader(o.ProxyHeader); err != nil {
		return t, fmt.Errorf("ws: option ProxyHeader: %w", err)
	}
	if t, err = proxy.ParseTrust(o.Proxies); err != nil {
		return t, fmt.Errorf("ws: option Proxies: %w", err)
	}
	return t, nil
}

// checkSend reports what of the send buffer cannot be.
func checkSend(s socket.Send) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("ws: option %w", err)
	}
	return nil
}
