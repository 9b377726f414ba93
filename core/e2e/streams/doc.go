// Package streams has tests of streams through the public API: over every medium, over links that break off, and of what becomes of
// streams that are left in every way.
package streams
