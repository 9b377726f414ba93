// Package ready waits for input on a socket without holding a buffer, for the transports
// whose connections are a [github.com/hisock/hisock/transport.ReadyReader].
//
// It works on Unix. Elsewhere, and in the browser, [Supported] is false.
package ready
