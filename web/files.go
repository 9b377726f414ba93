package web

import (
	"embed"
	"io/fs"
	"strings"
)

// sources has the modules of the bundle. Of these [stamp] changes loaderFile only.
//
//go:embed hisock.js js.js wasm.js js.d.ts wasm.d.ts auths.js away.js calls.js checks.js client.js connect.js connection.js debug.js debug.d.ts engines.js errors.js given.js handlers.js hooks.js inbox.js incoming.js instance.js jobs.js kept.js line.js options.js page.js payload.js probe.js receiving.js requests.js sending.js states.js streaming.js streams.js waiting.js warnings.js hisock.d.ts failures.d.ts messages.d.ts settings.d.ts typed.d.ts
//go:embed engine program
//go:embed files.js files.d.ts files
var sources embed.FS

const (
	wasmFile     = "hisock.wasm"
	execFile     = "wasm_exec.js"
	loaderFile   = "instance.js"
	manifestFile = "manifest.json"
	gzipSuffix   = ".gz"

	// wasmPackage is the package from which hisock.wasm is built.
	wasmPackage = "github.com/hisock/hisock/wasm"
)

// sourceNames returns the names of the files in sources.
func sourceNames() []string {
	var names []string
	err := fs.WalkDir(sources, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		panic("web: " + err.Error()) // the embedded files have a root
	}
	return names
}

// bundleNames returns the names of the files of a bundle, without compressed copies and manifest.
func bundleNames() []string {
	return append(sourceNames(), wasmFile, execFile)
}

// contentType returns the Content-Type of a file.
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

// wrapExec turns Go's support file into a module. The module exports a function whose arguments take the place of the
// global object and of fs; web/instance.js says why. The function returns
// the class that the support file adds to the global object.
func wrapExec(src []byte) []byte {
	const head = "// Go's own wasm_exec.js, which follows unchanged, as a function of what it sees.\n" +
		"export default function (globalThis, fs) {\n"
	const tail = "\nreturn globalThis.Go;\n}\n"
	out := make([]byte, 0, len(head)+len(src)+len(tail))
	out = append(out, head...)
	out = append(out, src...)
	return append(out, tail...)
}
