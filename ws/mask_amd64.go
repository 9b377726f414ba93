//go:build !purego && !race

package ws

// blocksFrom is from how many bytes on maskBlocks is quicker than mask by itself.
const blocksFrom = 256

// maskBlocks masks so many blocks of 64 bytes, at least one, as mask does. It uses SSE2, which
// every amd64 processor has. The race detector does not see what it reads and writes, and gets
// the loop in Go.
//
//go:noescape
func maskBlocks(dst, src *byte, blocks int, key uint32)
