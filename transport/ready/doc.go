// Package ready reads from and writes to sockets, for packages tcp and ws.
//
// A [Reader] waits for input without holding a buffer, for connections that are a
// [github.com/hisock/hisock/transport.ReadyReader]. It works on Unix; on other systems [Supported] is
// false. A [Writer] writes large buffers in pieces of the size that costs the system least.
package ready
