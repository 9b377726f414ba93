package web

import (
	"bytes"
	"encoding/binary"
)

// What the Go program has about its functions begins with a head. These are offsets in it, of numbers of 8 bytes: how many functions
// there are, and where, from the head on, parts begin.
const (
	lineHead      = 72
	headFuncs     = 8
	headNames     = 32
	headUnits     = 40 // and behind them the names of files
	headTables    = 56 // tables by the counter of the program, each of pairs of numbers up to a zero
	headFunctions = 64 // a list of pairs of a counter and an offset, from here on, of 4 bytes each; then the functions
)

// lineMagic is how the head begins since Go 1.20: the magic number, two zeros, and the sizes of an instruction and a pointer.
var lineMagic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

// What describes a function has, at these offsets, numbers of 4 bytes: offsets of tables.
const (
	funcStack     = 16
	funcFile      = 20
	funcLine      = 24
	funcTables    = 28 // how many more tables there are, which stand behind the fixed part
	funcUnit      = 32
	funcFirstLine = 36
	funcFixed     = 44
)

// dropLines clears the names of files and the numbers of lines in the initial memory of a Go program, which only the stack of
// a panic shows: the functions there keep their names. A page loads 7 % less, since zeros compress well.
//
// Memory that does not have the form of Go's linker is left as it is.
func dropLines(memory []byte) {
	at := bytes.Index(memory, lineMagic)
	if at < 0 {
		return
	}
	memory = memory[at:]
	tables, functions, ok := parseFunctions(memory)
	if !ok {
		return
	}
	used := make([]bool, len(tables))
	used[0] = true
	for _, f := range functions {
		for _, table := range f.kept() {
			n, ok := tableSize(tables, table)
			if !ok {
				return
			}
			for i := range n {
				used[int(table)+i] = true
			}
		}
	}
	for _, f := range functions {
		clear(f[funcFile:funcTables])
		clear(f[funcUnit : funcFirstLine+4])
	}
	for i := range tables {
		if !used[i] {
			tables[i] = 0
		}
	}
	clear(memory[number(memory, headUnits):number(memory, headTables)])
}

// A function is the description of one function.
type function []byte

// kept returns the tables that the function needs as it runs.
func (f function) kept() []uint32 {
	list := []uint32{binary.LittleEndian.Uint32(f[funcStack:])}
	for rest := f[funcFixed:]; len(rest) > 0; rest = rest[4:] {
		list = append(list, binary.LittleEndian.Uint32(rest))
	}
	return list
}

// parseFunctions returns the tables and the functions of memory, which begins with the head.
func parseFunctions(memory []byte) (tables []byte, functions []function, ok bool) {
	last := uint64(lineHead)
	if len(memory) < lineHead {
		return nil, nil, false
	}
	for head := headNames; head <= headFunctions; head += 8 {
		begin := number(memory, head)
		if begin < last || begin > uint64(len(memory)) {
			return nil, nil, false
		}
		last = begin
	}
	tables, rest := memory[number(memory, headTables):last], memory[last:]
	n := number(memory, headFuncs)
	if len(tables) == 0 || n > uint64(len(rest)/8) {
		return nil, nil, false
	}
	for i := range int(n) {
		begin := uint64(binary.LittleEndian.Uint32(rest[8*i+4:]))
		if begin < 8*n || begin > uint64(len(rest)) || len(rest)-int(begin) < funcFixed {
			return nil, nil, false
		}
		f := rest[begin:]
		more := uint64(binary.LittleEndian.Uint32(f[funcTables:]))
		if more > uint64(len(f)-funcFixed)/4 {
			return nil, nil, false
		}
		functions = append(functions, f[:funcFixed+4*more])
	}
	return tables, functions, true
}

// number returns the number in the head at offset.
func number(memory []byte, offset int) uint64 { return binary.LittleEndian.Uint64(memory[offset:]) }

// tableSize returns how many bytes the table at that offset has. 0 is the offset of a table that is not there.
func tableSize(tables []byte, at uint32) (size int, ok bool) {
	if at == 0 {
		return 0, true
	}
	for {
		if uint64(at)+uint64(size) >= uint64(len(tables)) {
			return 0, false
		}
		value, n := binary.Uvarint(tables[int(at)+size:])
		if n <= 0 {
			return 0, false
		}
		first := size == 0 // a table may begin with a zero
		size += n
		if value == 0 && !first {
			return size, true
		}
		if _, n = binary.Uvarint(tables[min(int(at)+size, len(tables)):]); n <= 0 {
			return 0, false
		}
		size += n
	}
}
