// Package ws carries the stream of [github.com/hisock/hisock/transport] in
// WebSockets: a listener that is an [net/http.Handler], a dialer, and in a browser
// build (GOOS=js) a dialer over the browser's own WebSocket.
//
//	l := ws.NewListener(nil)
//	mux.Handle("/ws", l)              // l is also a transport.Listener: serve it
//
//	d := ws.Dialer("wss://example.com/ws", nil)
//
// Bytes travel in binary messages whose boundaries mean nothing. One WriteBuffers
// is one message. Compression is never negotiated. A text message is a mistake of the
// peer: it is answered with close code 1003, and reading fails with [ErrText].
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
// that [Options.Origins] lists, and programs that are not browsers and
// so send no origin. Whatever is not clearly allowed is refused.
//
// # Limits
//
// There is no limit to the length of a message, which is never held as a whole; the
// length of a frame of hisock is for the core to bound. A peer that sends a ping but
// reads nothing for 5 s loses its connection.
package ws
