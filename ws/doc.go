// Package ws carries the stream of [github.com/hisock/hisock/transport] in
// WebSockets: a listener that is an [net/http.Handler], a dialer, and in a browser
// build (GOOS=js) a dialer over the browser's own WebSocket.
//
//	l, err := ws.NewListener(nil)
//	mux.Handle("/ws", l)              // l is also a transport.Listener: serve it
//
//	d := ws.Dialer("wss://example.com/ws", nil)
//
// Bytes travel in binary messages whose boundaries mean nothing. One WriteBuffers
// is one message. Compression is never negotiated. A text message is a mistake of the
// peer: it is answered with close code 1003, and reading fails with [ErrText].
//
// # What is enforced
//
// Outside a browser the handshake is left to a library and all that follows is done here, to
// the letter of RFC 6455. A peer that breaks one of these rules gets a close frame that
// says which, with code 1002 or 1007, and reading fails with a [*ProtocolError]:
//
//	clients mask and servers do not                      5.1
//	reserved bits are zero, reserved opcodes unused      5.2
//	a length is in its shortest form and below 2^63      5.2
//	nothing but control frames between fragments         5.4
//	control frames are whole and of at most 125 bytes    5.5
//	a close frame is empty, or has a code that may be
//	sent and a reason in UTF-8                           5.5.1, 7.4, 8.1
//
// Our own frames keep them too, nothing follows a close frame (5.5.1), and each frame of
// a client is masked with a key of its own that nobody can foresee (5.3, 10.3).
//
// Pings are answered while somebody reads. A reader never waits behind a message that
// another goroutine writes: of the pings that come meanwhile the latest is
// answered after it (5.5.3).
//
// # The end of a stream
//
//	peer's close frame             Read returns
//	1000 normal, 1001 going away   io.EOF, after all that came before
//	another code                   *CloseError
//	none, or without a code        an error that is io.ErrUnexpectedEOF
//
// CloseWrite sends a close frame with code 1000, and nothing ever follows a close
// frame. Most peers, this package among them, answer it at once and send nothing more
// themselves. Close cuts the connection without asking the peer.
//
// # Who may connect
//
// Browsers let any page open a WebSocket to any server and say in the Origin header
// which page it was. The listener lets in pages of its own host, or else those
// that [Options.Origins] lists or [Options.AllowOrigin] allows, and programs that are not
// browsers and so send no origin. Whatever is not clearly allowed is refused, and a page
// is told why where it can be: see [Listener.RefuseWith].
//
// # Proxies
//
// A listener behind a reverse proxy or load balancer has to be told which addresses that has:
// [Options.Proxies]. The client's address is then what the proxy says.
//
//	l, err := ws.NewListener(&ws.Options{Proxies: []string{"10.0.0.0/8"}})
//
// A dialer goes through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, or
// [DialOptions.Proxy].
//
// # Limits
//
// There is no limit to the length of a message, which is never held as a whole; the
// length of a frame of hisock is for the core to bound. A peer that sends a ping but
// reads nothing for 5 s loses its connection.
//
// A connection of a server keeps its request, which [Options.MaxHeader] bounds, and no buffer
// while it waits, whether between messages or inside of one. Over TLS, and on systems
// other than Unix, it waits with room for 64 bytes.
package ws
