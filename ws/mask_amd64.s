//go:build !purego && !race

#include "textflag.h"

// func maskBlocks(dst, src *byte, blocks int, key uint32)
TEXT ·maskBlocks(SB), NOSPLIT, $0-28
	MOVQ   dst+0(FP), DI
	MOVQ   src+8(FP), SI
	MOVQ   blocks+16(FP), CX
	MOVL   key+24(FP), AX
	MOVQ   AX, X0
	PSHUFD $0, X0, X0

	// dst does not begin after src, so no write changes bytes of src that have not been read.
block:
	MOVOU (SI), X1
	MOVOU 16(SI), X2
	MOVOU 32(SI), X3
	MOVOU 48(SI), X4
	PXOR  X0, X1
	PXOR  X0, X2
	PXOR  X0, X3
	PXOR  X0, X4
	MOVOU X1, (DI)
	MOVOU X2, 16(DI)
	MOVOU X3, 32(DI)
	MOVOU X4, 48(DI)
	ADDQ  $64, SI
	ADDQ  $64, DI
	DECQ  CX
	JNZ   block
	RET
