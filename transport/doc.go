// Package transport defines a byte stream between two peers, so that package core
// does not depend on any medium.
//
//	core → Conn.WriteBuffers → medium → Conn.Read, ReadReady → core
//	       Listener.Accept, Dialer.Dial make the two ends
//
// A [Conn] is a stream, not a sequence of messages: the reader does not see where one write ends.
// So one system call, or one WebSocket message, can
// carry many frames. Adapters are packages of their own (tcp, ws). An adapter knows
// nothing about the bytes that it carries, and passes the suite in
// [github.com/hisock/hisock/transport/transporttest].
//
// # In memory
//
// [Pipe] makes two connected ends and [PipeListener] a listener with its dialer,
// for tests and for peers in one process. They behave as sockets do, need nothing of
// the operating system, and work in the bubbles of [testing/synctest].
//
// Package [github.com/hisock/hisock/transport/faulty] adds the
// faults of real networks to them or to any other Conn.
//
// # Other streams
//
// [Wrap] makes a [Conn] from any stream with the methods of a net.Conn:
//
//	conn := transport.Wrap(netConn, transport.Info{
//		Transport: "unix",
//		Local:     netConn.LocalAddr().String(),
//		Remote:    netConn.RemoteAddr().String(),
//	})
//
// The package imports neither net, os nor fmt: the browser build carries it.
package transport
