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

// A visitor says from where a request comes.
type visitor struct {
	remote  string // address of the client, for [transport.Info]
	proxy   string // address of the trusted proxy; empty if there is none
	relayed bool   // a trusted proxy has passed the request on
	host    string // host for which the client has asked, as the proxy says; empty if it does not say
}

// hostOf returns the host for which the client has asked.
func (v visitor) hostOf(r *http.Request) string {
	if v.host != "" {
		return v.host
	}
	return r.Host
}

// visitorOf returns the visitor of a request. r.RemoteAddr is the address of the connection, or the address that
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
		return v, reject(http.StatusBadRequest, "proxy "+quoted(peer)+": "+err.Error())
	case !ok: // the request comes from the proxy itself, or from a program on its machine
		return v, nil
	}
	v.relayed, v.proxy, v.host = true, peer, via.Host
	if via.Client != "" {
		v.remote = via.Client
	}
	return v, nil
}

// maxRemote is the greatest length, in bytes, of an address that middleware has set.
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

// checkSend returns the error for invalid settings of the send buffer, or nil.
func checkSend(s socket.Send) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("ws: option %w", err)
	}
	return nil
}
