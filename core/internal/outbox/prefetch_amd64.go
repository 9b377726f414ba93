//go:build !purego

package outbox

// prefetchLines asks the processor to fetch so many cache lines of 64 bytes, at least one, from that of
// p on. They need not be there: it never faults.
//
//go:noescape
func prefetchLines(p *byte, lines int)

// An atomic operation, such as the unlocking behind a copy, waits until all that was stored before is
// in the cache. The memory that an answer is copied to has mostly left it, since what was
// written there is kept for a resume, so it is fetched ahead. Smaller frames have little to wait for,
// and larger ones are copied in a way that fetches by itself.
const (
	prefetchAhead = 2 << 10 // bytes
	prefetchFrom  = 256
	prefetchTo    = 4 << 10
)

// prefetch fetches n bytes, at least prefetchFrom, from prefetchAhead behind b on: a frame of n bytes
// is about to be appended, and others of that size are likely to follow.
func prefetch(b []byte, n int) {
	if n > prefetchTo {
		return
	}
	if at := len(b) + prefetchAhead; at+n <= cap(b) {
		prefetchLines(&b[:cap(b)][at], n>>6+1)
	}
}
