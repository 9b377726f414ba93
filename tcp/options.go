//go:build !js

package tcp

import (
	"crypto/tls"
	"net"
	"time"
)

// Options says how to listen and dial. A nil *Options is the zero value. It is
// copied when it is used: changing it later has no effect.
type Options struct {
	// TLS, if set, makes connections speak TLS. A listener needs a certificate in
	// it. A dialer verifies the server against ServerName, or against the
	// host of the address if ServerName is empty.
	TLS *tls.Config

	// KeepAlive is the time without traffic after which the system probes the peer,
	// and the time between such probes, in whole seconds. Zero means 15 s, negative no probes.
	KeepAlive time.Duration
}

// defaultKeepAlive is what a KeepAlive of zero means.
const defaultKeepAlive = 15 * time.Second

// resolve returns a copy that nobody else holds, with the defaults filled in.
func (o *Options) resolve() Options {
	if o == nil {
		o = &Options{}
	}
	resolved := Options{TLS: o.TLS.Clone(), KeepAlive: o.KeepAlive}
	if resolved.KeepAlive == 0 {
		resolved.KeepAlive = defaultKeepAlive
	}
	return resolved
}

// keepAlive says the same to package net, whose own KeepAlive leaves the time between
// probes as it is.
func (o *Options) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: o.KeepAlive > 0, Idle: o.KeepAlive, Interval: o.KeepAlive}
}
