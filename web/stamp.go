package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
)

// stampSection is the name of the section of hisock.wasm that has the build's id. web/instance.js compares the id with its own
// before it runs the program: a module and a program of two builds may disagree about everything else.
const stampSection = "hisock build"

// unstamped and unsized are the lines of web/instance.js into which stamp writes the id, and the size of hisock.wasm.
const (
	unstamped = `const build = "";`
	unsized   = `const size = 0;`
)

// stamp writes the id of the build into the program, into Go's support file and into the module that loads both, which is told
// the size of the program too. The id depends on the content of all files.
func stamp(files map[string][]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h.Write([]byte(name))
		h.Write(files[name])
	}
	id := hex.EncodeToString(h.Sum(nil)[:8])
	files[wasmFile] = appendCustom(files[wasmFile], stampSection, id)
	files[execFile] = append(files[execFile], "export const build = \""+id+"\";\n"...)
	loader := bytes.Replace(files[loaderFile], []byte(unstamped), []byte(`const build = "`+id+`";`), 1)
	size := strconv.Itoa(len(files[wasmFile]))
	files[loaderFile] = bytes.Replace(loader, []byte(unsized), []byte(`const size = `+size+`;`), 1)
}

// appendCustom adds a custom section to a WebAssembly module, which no program reads.
func appendCustom(wasm []byte, name, content string) []byte {
	body := binary.AppendUvarint(nil, uint64(len(name)))
	body = append(append(body, name...), content...)
	wasm = append(wasm, 0)
	wasm = binary.AppendUvarint(wasm, uint64(len(body)))
	return append(wasm, body...)
}
