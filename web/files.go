package web

import (
	"embed"
	"strings"
)

// The modules as they are in the bundle. None of them is generated.
//
//go:embed hisock.js calls.js client.js connection.js errors.js incoming.js instance.js kept.js options.js page.js payload.js raw.js warnings.js hisock.d.ts
var sources embed.FS

const (
	wasmFile     = "hisock.wasm"
	execFile     = "wasm_exec.js"
	manifestFile = "manifest.json"
	gzipSuffix   = ".gz"

	// wasmPackage is what hisock.wasm is built from.
	wasmPackage = "github.com/hisock/hisock/wasm"
)

// sourceNames lists what sources holds.
func sourceNames() []string {
	entries, err := sources.ReadDir(".")
	if err != nil {
		panic("web: " + err.Error()) // the embedded files have a root
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// bundleNames lists the files of a bundle, without compressed copies and manifest.
func bundleNames() []string {
	return append(sourceNames(), wasmFile, execFile)
}

// contentType is what a file is served as.
func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".wasm"):
		return "application/wasm"
	case strings.HasSuffix(name, ".js"):
		return "text/javascript; charset=utf-8"
	case strings.HasSuffix(name, ".json"):
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// wrapExec turns Go's support file into a module that exports it as a function of the
// global object and the fs it is to see; web/instance.js says why. It returns
// the class that the file would leave in the global object.
func wrapExec(src []byte) []byte {
	const head = "// Go's own wasm_exec.js, which follows unchanged, as a function of what it sees.\n" +
		"export default function (globalThis, fs) {\n"
	const tail = "\nreturn globalThis.Go;\n}\n"
	out := make([]byte, 0, len(head)+len(src)+len(tail))
	out = append(out, head...)
	out = append(out, src...)
	return append(out, tail...)
}
