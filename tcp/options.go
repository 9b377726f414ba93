//go:build !js

package tcp

import (
	"crypto/tls"
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
	// and the time between such probes. Zero means 15 s, negative no probes.
	KeepAlive time.Duration
}

// resolve returns a copy that nobody else holds. The zero KeepAlive stays:
// package net gives it the meaning that we document.
func (o *Options) resolve() Options {
	if o == nil {
		return Options{}
	}
	return Options{TLS: o.TLS.Clone(), KeepAlive: o.KeepAlive}
}
