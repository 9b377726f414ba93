//go:build !purego

package ws

// blocksFrom is from how many bytes on maskBlocks is quicker than mask by itself.
const blocksFrom = 256

// maskBlocks masks so many blocks of 64 bytes, at least one, as mask does. It uses SSE2, which
// every amd64 processor has.
//
//go:noescape
func maskBlocks(dst, src *byte, blocks int, key uint32)
