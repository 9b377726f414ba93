// Package ws carries the streams of [github.com/hisock/hisock/transport] over
// WebSockets. It has a listener that is an [net/http.Handler], a dialer, and in a browser
// build (GOOS=js) a dialer over the browser's own WebSocket.
//
//	l, err := ws.NewListener(nil)
//	mux.Handle("/ws", l)              // l is also a transport.Listener: serve it
//
//	d := ws.Dialer("wss://example.com/ws", nil)
//
// Bytes travel in binary messages whose boundaries mean nothing. One WriteBuffers
// is one message. A text message breaks this protocol:
// it is answered with close code 1003 (4003 by a browser), and reading fails with [ErrText].
//
// # What is enforced
//
// Outside a browser another library makes the handshake, and this package does everything after it, to
// the letter of RFC 6455. A peer that breaks one of these rules is sent a close frame with
// code 1002, 1007 or 1009 that names the rule, and reading fails with a [*ProtocolError]:
//
//	clients mask and servers do not                      5.1
//	reserved bits are zero, reserved opcodes unused      5.2
//	a length is in its shortest form and below 2^63      5.2
//	nothing but control frames between fragments         5.4
//	control frames are whole and of at most 125 bytes    5.5
//	a close frame is empty, or has a code that may be
//	sent and a reason in UTF-8                           5.5.1, 7.4, 8.1
//	only if compression was agreed on, and only where a
//	message begins, the first reserved bit may be set    RFC 7692, 6
//	a compressed message can be inflated (1007), to no
//	more than [Compression.MaxMessage] bytes (1009)      RFC 7692, 6.2
//
// The frames of this package keep these rules too. Nothing follows a close frame (5.5.1), and each frame of
// a client is masked with a new key that nobody can predict (5.3, 10.3).
//
// Pings are answered while a goroutine reads. The reader never waits for a message that
// another goroutine writes: if pings come meanwhile, the latest of them is
// answered after that message (5.5.3).
//
// # The end of a stream
//
//	peer's close frame             Read returns
//	1000 normal, 1001 going away   io.EOF, after all bytes that came before
//	another code                   *CloseError
//	none, or without a code        an error that is io.ErrUnexpectedEOF
//
// CloseWrite sends a close frame with code 1000, and nothing ever follows a close
// frame. Most peers, including this package, answer it at once and send nothing more
// themselves. Close cuts the connection without waiting for the peer.
//
// # Who may connect
//
// A browser lets any page open a WebSocket to any server. It sends the page's origin in the Origin header.
// Unless [Options.Origins] lists origins, the listener lets in pages of its own host; otherwise it lets in
// pages of the listed origins. It also lets in pages that [Options.AllowOrigin] allows, and programs that
// are not browsers and send no origin. All other requests are refused. A page
// can be told why: see [Listener.RefuseWith].
//
// # Compression
//
// Nothing is compressed unless both ends ask for it: see [Compression]. A browser always offers it, so
// [Options.Compression] decides for pages.
//
//	l, err := ws.NewListener(&ws.Options{Compression: &ws.Compression{}})
//	d := ws.Dialer(url, &ws.DialOptions{Compression: &ws.Compression{}})
//
// The listener accepts the first offer that it can meet, and asks both ends to compress each message by itself. It declines an
// offer that bounds its own window (server_max_window_bits below 15), and each offer with a parameter that is unknown,
// comes twice or has an invalid value (RFC 7692, 7.1): then nothing is compressed. A malformed header is answered with 400.
//
// # Proxies
//
// A listener behind a reverse proxy or load balancer needs the proxy's addresses:
// [Options.Proxies]. The client's address is then the address that the proxy says.
//
//	l, err := ws.NewListener(&ws.Options{Proxies: []string{"10.0.0.0/8"}})
//
// A dialer goes through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, or
// [DialOptions.Proxy].
//
// # Limits
//
// The length of a message is not limited, because a message is never held as a whole. Package core
// bounds the length of a hisock frame. A peer that sends a ping but
// reads nothing for 5 s loses its connection.
//
// A server's connection keeps its request, whose size [Options.MaxHeader] bounds. It holds no buffer
// while it waits, between messages or inside a message. Over TLS, and on systems
// other than Unix, it waits with a buffer of 64 bytes. Inside of a compressed message it waits with an inflater of 40 KiB and
// the buffer of its reader, and a read deadline that passes there ends the stream.
package ws
