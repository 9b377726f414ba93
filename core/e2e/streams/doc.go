// Package streams has tests of streams through the public API: over every medium, over links that break off, and with
// every way to leave a stream.
package streams
