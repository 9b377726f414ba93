//go:build !js

// Package proxy reads what proxies say about their clients: the header of the PROXY
// protocol at the beginning of a stream, versions 1 and 2, and headers of HTTP. [Trust] says which
// proxies are believed.
//
// The PROXY protocol is https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. The header
// Forwarded is RFC 7239. X-Forwarded-For and X-Real-IP have no specification; this package follows
// the practice of proxies.
package proxy
