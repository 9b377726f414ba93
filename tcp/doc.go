// Package tcp carries connections over TCP, plain or with TLS.
//
//	l, err := tcp.Listen("127.0.0.1:0", nil)       // transport.Listener
//	d := tcp.Dialer("127.0.0.1:6969", nil)         // transport.Dialer
//
// Addresses have the form of package net: "host:port", where host is a name, an IPv4 address or a
// bracketed IPv6 address. Port 0 means any free port, and no host means all interfaces.
//
// # Other sockets
//
// [NewListener] and [NewConn] take over listeners and connections of other packages: a Unix socket, a
// socket that systemd has opened, a listener that bounds or counts connections.
//
//	inner, err := net.Listen("unix", "/run/chat.sock")
//	l, err := tcp.NewListener(inner, nil)
//	d := tcp.Dialer("chat", &tcp.Options{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
//		return new(net.Dialer).DialContext(ctx, "unix", "/run/chat.sock")
//	}})
//
// # Proxies
//
// A listener behind a load balancer that speaks the PROXY protocol needs the balancer's
// addresses: [Options.Proxies]. Once the first read has read the protocol's header, the client's address
// is the address in the header.
//
//	l, err := tcp.Listen(":6969", &tcp.Options{Proxies: []string{"10.0.0.0/8"}})
//
// # Plain
//
// Writing several buffers is one system call. On Unix a connection is a
// [github.com/hisock/hisock/transport.ReadyReader] and holds no buffer while it
// waits; on Linux it is a [github.com/hisock/hisock/transport.Sleeper], too, and needs no goroutine
// while it is idle. Small writes are not delayed (TCP_NODELAY).
//
// CloseWrite ends this side's direction, and the peer's direction can still be read. A Close after
// CloseWrite does not wait: the system goes on to deliver the bytes that were written. But if bytes
// from the peer are still unread then, or arrive later, the system resets the
// connection, and the peer may lose bytes that it has not received yet. To be sure,
// call CloseWrite and read to the end before Close.
//
// # TLS
//
// With [Options.TLS] a listener speaks TLS, and mutual TLS if the configuration asks for
// client certificates. Accept does not wait for the handshake. The handshake happens in the first
// read or write, under the deadline of that operation, so a silent peer holds up nobody.
// A dialer finishes its side of the handshake in Dial. If the server refuses the dialer's
// certificate, the first read fails. A stream that ends without TLS's own
// close ends with [io.ErrUnexpectedEOF], so nobody can cut it short unnoticed.
//
// A deadline that passes during a handshake or a write ends a TLS connection.
// Close over TLS tells the peer, and gives up after half a second if the message cannot be
// sent.
//
// In the browser (GOOS=js) the package is empty.
package tcp
