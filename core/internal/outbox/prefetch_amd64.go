//go:build !purego

package outbox

// prefetchLines asks the processor to fetch cache lines of 64 bytes, at least one, beginning with the line of p. It never
// faults, even if that memory does not exist.
//
//go:noescape
func prefetchLines(p *byte, lines int)

// An atomic operation, such as the unlocking after a copy, waits until all earlier stores are in the cache. The memory to
// which an answer is copied has usually left the cache, since earlier blocks are kept for a resume. So the memory is
// fetched ahead. For small frames the wait is short, and large frames are copied in a way that fetches by itself.
const (
	prefetchAhead = 2 << 10 // distance from the end of the block, in bytes
	prefetchFrom  = 256     // size of the smallest frame for which memory is fetched, in bytes
	prefetchTo    = 4 << 10 // size of the largest frame for which memory is fetched, in bytes
)

// prefetch fetches n bytes at prefetchAhead after the end of b. The caller is about to append a frame of n bytes, at
// least prefetchFrom, and frames of the same size are likely to follow.
func prefetch(b []byte, n int) {
	if n > prefetchTo {
		return
	}
	if at := len(b) + prefetchAhead; at+n <= cap(b) {
		prefetchLines(&b[:cap(b)][at], n>>6+1)
	}
}
