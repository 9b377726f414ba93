// Package ready reads from sockets and writes to them, for the transports that are made of them.
//
// A [Reader] waits for input without holding a buffer, for connections that are a
// [github.com/hisock/hisock/transport.ReadyReader]. It works on Unix; elsewhere [Supported] is
// false. A [Writer] writes in pieces of a size that costs the system least.
package ready
