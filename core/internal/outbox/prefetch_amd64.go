//go:build !purego

package outbox

// prefetchLines asks the processor to fetch cache lines of 64 bytes, at least one, from the line of
// p on. It never faults, whether that memory exists or not.
//
//go:noescape
func prefetchLines(p *byte, lines int)

// An atomic operation, such as the unlocking after a copy, waits until all earlier stores are
// in the cache. The memory that an answer is copied to has mostly left the cache, since the block before it is kept for
// a resume. So it is fetched ahead. Smaller frames have little to wait for,
// and larger ones are copied in a way that fetches by itself.
const (
	prefetchAhead = 2 << 10 // how far after the end of the block, in bytes
	prefetchFrom  = 256     // the least size of a frame, in bytes
	prefetchTo    = 4 << 10 // the greatest size of a frame, in bytes
)

// prefetch fetches n bytes, from prefetchAhead after the end of b on: a frame of n bytes, at least prefetchFrom,
// is about to be appended, and others of that size are likely to follow.
func prefetch(b []byte, n int) {
	if n > prefetchTo {
		return
	}
	if at := len(b) + prefetchAhead; at+n <= cap(b) {
		prefetchLines(&b[:cap(b)][at], n>>6+1)
	}
}
