// Package tcp carries connections over TCP, plain or with TLS.
//
//	l, err := tcp.Listen("127.0.0.1:0", nil)       // transport.Listener
//	d := tcp.Dialer("127.0.0.1:6969", nil)         // transport.Dialer
//
// Addresses are those of package net: "host:port" with a name, an IPv4 or a
// bracketed IPv6 address, port 0 for any that is free, no host for all interfaces.
//
// # Other sockets
//
// [NewListener] and [NewConn] take what others have made: a Unix socket, one that systemd has
// passed on, one that bounds or counts connections.
//
//	inner, err := net.Listen("unix", "/run/chat.sock")
//	l, err := tcp.NewListener(inner, nil)
//	d := tcp.Dialer("chat", &tcp.Options{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
//		return new(net.Dialer).DialContext(ctx, "unix", "/run/chat.sock")
//	}})
//
// # Proxies
//
// A listener behind a load balancer that speaks the PROXY protocol has to be told which
// addresses that has: [Options.Proxies]. The client's address is then what the header says, once
// the first read has read it.
//
//	l, err := tcp.Listen(":6969", &tcp.Options{Proxies: []string{"10.0.0.0/8"}})
//
// # Plain
//
// Writing several buffers is one system call. On Unix a connection is a
// [github.com/hisock/hisock/transport.ReadyReader] and holds no buffer while it
// waits. Small writes are not delayed (TCP_NODELAY).
//
// CloseWrite ends this direction and the other can still be read. Close after it
// does not wait: the system goes on to deliver what was written. But if something
// from the peer is still unread at that time, or arrives later, the system resets the
// connection, and the peer may lose what it has not received yet. Who must be sure
// calls CloseWrite and reads to the end before Close.
//
// # TLS
//
// With [Options.TLS] a listener speaks TLS, mutual TLS if the configuration asks for
// client certificates. Accept does not wait for the handshake: it happens in the first
// read or write, under that one's deadline, so that a silent peer holds up nobody.
// A dialer finishes its side of the handshake in Dial; that the server refused
// its certificate shows in the first read. A stream that ends without TLS's own
// close ends with [io.ErrUnexpectedEOF]: nobody can cut it short unnoticed.
//
// A deadline that passes during a handshake or a write ends a TLS connection.
// Close over TLS tells the peer, and gives up after half a second if that cannot be
// sent.
//
// In the browser (GOOS=js) the package is empty.
package tcp
