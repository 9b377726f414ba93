//go:build !purego

package core

// prefetchLines asks the processor to fetch so many cache lines of 64 bytes, from that of p on.
// They need not be there: it never faults.
//
//go:noescape
func prefetchLines(p *byte, lines int)

// The unlocking behind a copy waits until the copy is in the cache. What an answer is about to be
// copied to has mostly left it, since what was written there is kept for a resume, so it is fetched
// a few answers ahead. Smaller ones have little to wait for, larger ones bring their own along.
const (
	prefetchAhead = 2 << 10
	prefetchFrom  = 256
	prefetchTo    = 4 << 10
)

// prefetch fetches what comes behind b, of which the last n bytes have just been appended.
func prefetch(b []byte, n int) {
	if n < prefetchFrom || n > prefetchTo {
		return
	}
	if at := len(b) + prefetchAhead; at+n <= cap(b) {
		prefetchLines(&b[:cap(b)][at], n>>6+1)
	}
}
