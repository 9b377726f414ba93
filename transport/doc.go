// Package transport says what a byte stream between two peers is, so that the core
// need not know what carries it.
//
//	core → Conn.WriteBuffers → medium → Conn.Read, ReadReady → core
//	       Listener.Accept, Dialer.Dial make the two ends
//
// A [Conn] is a stream, not a sequence of messages: where one write ends means
// nothing to the reader, so that one system call, or one WebSocket message, can
// carry many frames. Adapters live in packages of their own (tcp, ws); each knows
// nothing of what it carries, and each passes the suite in
// [github.com/hisock/hisock/transport/transporttest].
//
// # In memory
//
// [Pipe] makes two connected ends and [PipeListener] a listener with its dialer,
// for tests and for peers in one process. They behave as sockets do, need nothing of
// the operating system, and work in the bubbles of [testing/synctest].
//
// Package [github.com/hisock/hisock/transport/faulty] gives them, or any other, the
// faults of real networks.
//
// # Other streams
//
// [Wrap] makes a [Conn] of anything shaped like a net.Conn:
//
//	conn := transport.Wrap(netConn, transport.Info{
//		Transport: "unix",
//		Local:     netConn.LocalAddr().String(),
//		Remote:    netConn.RemoteAddr().String(),
//	})
//
// The package imports neither net, os nor fmt: the browser build carries it.
package transport
