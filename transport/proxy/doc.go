//go:build !js

// Package proxy reads what proxies say about those for whom they speak: the header of the PROXY
// protocol before a stream, versions 1 and 2, and the headers of HTTP. [Trust] says whose word is
// taken.
//
// The PROXY protocol is https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, the header
// Forwarded is RFC 7239; for X-Forwarded-For and X-Real-IP there is only what proxies do.
package proxy
