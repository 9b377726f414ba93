// Package hostile has tests of peers and programs that misbehave: bad bytes, floods, strangers,
// attacks, handlers that panic.
package hostile
