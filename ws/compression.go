//go:build !js

package ws

import (
	"fmt"
	"math"
)

// Compression lets messages be compressed with permessage-deflate (RFC 7692), if the other end can do it too. Set
// it in [Options] for the clients of a listener, and in [DialOptions] for a dialer. A browser compresses all that it sends
// once the server has agreed.
//
// # What it saves and costs
//
// JSON becomes 1.4 to 5.6 times smaller, the more of it is sent at once the better: package core sends what waits in
// one write, and a write is compressed as a whole. Short messages that are sent alone gain little. A message of 500 B takes 15 µs to
// compress and 6 µs to inflate, one of 14 KB 60 µs and 25 µs; to hand it to the system takes about 7 µs. A message that
// a listener's connections send one after the other, as in a broadcast, is compressed once. So compression is for slow networks
// and costly traffic. docs/performance.md has figures.
//
// Each message is compressed by itself (no context takeover), so a connection keeps no state between messages: it costs
// 24 bytes more than one without compression. A compressor takes 1.2 MB, and is borrowed while one message is
// compressed: there are at most as many as processors. Inflating takes 40 KiB, borrowed from the first byte of a
// compressed message to its last. A peer that begins a message and does not end it keeps them, until package core
// disconnects it or [Compression.MaxMessage] is reached. A listener keeps the 4 messages of at most 16 KiB that it has
// compressed last.
//
// Messages that do not become smaller are sent as they are, and then, for a while, further ones without trying.
//
// # Limits
//
// A message is inflated as it is read, into the buffer of the reader. So a compressed message takes no more memory than
// another one, whatever it inflates to. Limits of package core, such as the size of a frame and the bytes a
// second, count inflated bytes. A message that inflates to more than MaxMessage ends the connection.
//
// # Secrets
//
// The length of a compressed message tells how similar its parts are. If a message has a secret beside text that an attacker
// chooses, an attacker who sees the lengths on the network, also through TLS, can guess the secret piece by piece (CRIME,
// BREACH). Package core sends what waits for a connection in one write, so frames of different senders are compressed
// together. Do not use compression where that matters: where the same connection carries tokens or private data
// often, together with text of others.
type Compression struct {
	// Threshold is the least length, in bytes, of a write that is compressed. Zero means 512.
	Threshold int

	// MaxMessage is the greatest length, in bytes, to which a compressed message of the peer may inflate. If a message
	// is longer, or has 64 KiB more than that compressed, reading fails with a [*ProtocolError] whose code is 1009. It must be larger by a MiB than the largest frame
	// of package core (Limits.MaxFrame), because an engine in a page sends frames that wait in one message. Zero means 16 MiB. Negative
	// means no bound.
	MaxMessage int
}

const (
	defaultThreshold  = 512
	defaultMaxMessage = 16 << 20
)

// A sharedCompression is what the conns of a listener or dialer with compression have in common.
type sharedCompression struct {
	threshold int64   // least length of a write to compress, in bytes
	limit     int64   // greatest length of an inflated message, in bytes
	recent    *recent // nil for a dialer
}

// share reads the options. It returns nil for nil.
func (o *Compression) share() (*sharedCompression, error) {
	switch {
	case o == nil:
		return nil, nil
	case o.Threshold < 0:
		return nil, fmt.Errorf("ws: option Compression.Threshold is %d: it must not be negative", o.Threshold)
	}
	s := &sharedCompression{threshold: int64(o.Threshold), limit: int64(o.MaxMessage)}
	if s.threshold == 0 {
		s.threshold = defaultThreshold
	}
	switch {
	case s.limit == 0:
		s.limit = defaultMaxMessage
	case s.limit < 0:
		s.limit = math.MaxInt64
	}
	return s, nil
}

// A deflate has the fields of a conn whose two ends have agreed on compression.
type deflate struct {
	*sharedCompression

	inflating *inflater // borrowed inside a compressed message; owned by the goroutine that reads

	// Guarded by writeMu.
	misses uint8 // messages in a row that did not become smaller, at most maxMisses
	skip   uint8 // messages to send as they are before the next is tried
}

// useCompression notes that both ends have agreed on compression. It is called before the conn is used.
func (c *conn) useCompression(s *sharedCompression) {
	c.deflate = &deflate{sharedCompression: s}
	c.decoder.inflates = true
}
