package web

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// program returns a memory with the head and one function. The function's stack has table 1, file 4 and line 7, and
// one more table, 10. Each table has two pairs.
func program() []byte {
	put := func(b []byte, numbers ...uint32) []byte {
		for _, n := range numbers {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		return b
	}
	tables := []byte{0, 0, 1, 0, 4, 2, 0, 6, 3, 0, 8, 4, 0}
	head := slices.Clone(lineMagic)
	for _, n := range []int{1, 1, 0, 72, 72 + 5, 72 + 8, 72 + 12, 72 + 12 + len(tables)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(n))
	}
	names, units, files := "main\x00", "uni", "a.go"
	b := append(append(append(head, names...), units...), files...)
	b = append(b, tables...)
	b = put(b, 100, 8)
	return put(b, 100, 0, 16, 0, 1, 4, 7, 1, 2, 33, 0, 10)
}

func TestDropLines(t *testing.T) {
	before := program()
	after := append([]byte("before "), before...)
	dropLines(after)
	after = after[len("before "):]
	require.Equal(t, before[:77], after[:77], "the head and the names")
	require.Equal(t, make([]byte, 7), after[77:84], "units and files")
	require.Equal(t, []byte{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 4, 0}, after[84:97], "the tables of the stack and the last one are left")
	function := after[97+8:]
	require.Equal(t, []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, function[funcStack:funcFirstLine+4])
	require.Equal(t, before[97:97+8+funcStack], after[97:97+8+funcStack])
	require.Equal(t, before[len(before)-8:], after[len(after)-8:])
}

func TestDropLinesLeavesAloneWhatItDoesNotKnow(t *testing.T) {
	whole := program()
	tests := map[string][]byte{}
	for n := range whole {
		tests[fmt.Sprintf("its first %d bytes", n)] = whole[:n]
	}
	for _, at := range []int{0, 1, 4, 6, 7, headFuncs + 3, headNames + 7, headUnits + 1, headTables + 2, headFunctions + 1, 97 + 4, 97 + 6} {
		other := slices.Clone(whole)
		other[at] ^= 0x80
		tests[fmt.Sprintf("another byte %d", at)] = other
	}
	open := slices.Clone(whole)
	open[96] = 0x80 // the last table never ends
	tests["a table without an end"] = open
	for name, memory := range tests {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(memory)
			dropLines(memory)
			require.True(t, bytes.Equal(before, memory))
		})
	}
}
