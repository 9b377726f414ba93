//go:build !purego && !race

package ws

// blocksFrom is the length in bytes from which on maskBlocks is faster than the loop in mask.
const blocksFrom = 256

// maskBlocks masks blocks × 64 bytes as mask does. blocks is at least one. It uses SSE2, which
// every amd64 processor has. The race detector does not see its reads and writes, so race builds use
// the loop in Go.
//
//go:noescape
func maskBlocks(dst, src *byte, blocks int, key uint32)
