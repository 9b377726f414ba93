// Package web makes the browser's side of hisock available to a server: [Build] makes the
// bundle that a page loads, [Handler] serves it, and [NewServer] is an HTTP server with timeouts for it.
// [Serve] does all of that, and listens for native clients as well:
//
//	err := web.Serve(ctx, srv, &web.Site{TCP: ":6969", HTTP: ":8080", Build: "bundle", Files: os.DirFS("pages")})
//
// Step by step it is
//
//	if err := web.Build(ctx, "bundle", nil); err != nil { … }
//	h, err := web.Handler(os.DirFS("bundle"))
//	mux.Handle("/hisock/", http.StripPrefix("/hisock/", h))
//	err = web.NewServer(mux).Serve(listener)
//
// A page then writes
//
//	<script type="module">
//	import { connect } from "/hisock/hisock.js";
//	const client = await connect("/ws", { name: "ada" });
//	</script>
//
// # The bundle
//
// It is a folder of:
//
//	hisock.wasm     package wasm of this module, compiled
//	wasm_exec.js    the support file of the toolchain that compiled it, as a module
//	hisock.js       the module that a page imports, with the modules that it imports
//	hisock.d.ts     the types of hisock.js
//	*.gz            each of the files above, compressed
//	manifest.json   the Go version, and size and SHA-256 of every file
//
// Building needs a Go command and the source of this module; serving needs neither, so
// a program can be shipped with a bundle that was built before. Everything may stand
// under any path, as long as it stays together.
//
// A page with a content security policy needs script-src 'self' 'wasm-unsafe-eval', and
// connect-src for the server it connects to.
package web
