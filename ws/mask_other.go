//go:build !js && (!amd64 || purego || race)

package ws

import "math"

const blocksFrom = math.MaxInt // never

func maskBlocks(_, _ *byte, _ int, _ uint32) {}
