//go:build !js

package ws

import (
	"bytes"
	"sync"
)

const (
	recents   = 4        // messages in a recent
	maxRecent = 16 << 10 // greatest length of each, in bytes, before compression
)

// A recent has the messages that a listener's conns have compressed last. A message for many receivers, which package core writes
// to one after the other, is compressed once and then copied. The nil recent has none.
type recent struct {
	mu       sync.Mutex // guards the fields below
	messages [recents]struct{ plain, packed []byte }
	next     int // index of the oldest message
}

// find copies to dst the compressed form of bufs, of size bytes in all. It returns nil if it does not have it.
func (r *recent) find(dst []byte, bufs [][]byte, size int) []byte {
	if r == nil || size > maxRecent {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.messages {
		if m := &r.messages[i]; len(m.plain) == size && consistsOf(m.plain, bufs) {
			return dst[:copy(dst, m.packed)]
		}
	}
	return nil
}

// consistsOf reports whether b, which is as long as bufs in all, has the same bytes.
func consistsOf(b []byte, bufs [][]byte) bool {
	for _, p := range bufs {
		if !bytes.Equal(b[:len(p)], p) {
			return false
		}
		b = b[len(p):]
	}
	return true
}

// keep keeps bufs, of size bytes in all, and their compressed form, in place of the oldest message.
func (r *recent) keep(bufs [][]byte, size int, packed []byte) {
	if r == nil || size > maxRecent {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &r.messages[r.next]
	r.next = (r.next + 1) % recents
	m.plain, m.packed = m.plain[:0], append(m.packed[:0], packed...)
	for _, p := range bufs {
		m.plain = append(m.plain, p...)
	}
}
