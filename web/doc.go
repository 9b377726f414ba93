// Package web serves hisock to browsers: [Build] makes the
// bundle that a page loads, [Handler] serves the bundle, and [NewServer] returns an HTTP server with timeouts.
// [Serve] does all of that, and listens for native clients too:
//
//	err := web.Serve(ctx, srv, &web.Site{TCP: ":6969", HTTP: ":8080", Build: "bundle", Files: os.DirFS("pages")})
//
// The steps are
//
//	if err := web.Build(ctx, "bundle", nil); err != nil { … }
//	h, err := web.Handler(os.DirFS("bundle"))
//	mux.Handle("/hisock/", http.StripPrefix("/hisock/", h))
//	err = web.NewServer(mux).Serve(listener)
//
// A page then has
//
//	<script type="module">
//	import { connect } from "/hisock/hisock.js";
//	const client = await connect("/ws", { name: "ada" });
//	</script>
//
// # The bundle
//
// A bundle is a folder with these files:
//
//	hisock.wasm     package wasm of this module, compiled; it goes with the files of the same build only
//	wasm_exec.js    the support file of the toolchain that compiled hisock.wasm, as a module
//	hisock.js       the module that a page imports, with the modules that hisock.js imports
//	hisock.d.ts     the types of hisock.js, with the declarations that hisock.d.ts names
//	*.gz            each of the files above, compressed
//	*.br            the same with Brotli, if the bundle is built so
//	manifest.json   the Go version, and size and SHA-256 of every file
//
// Building needs the go command and the source of this module. Serving needs neither, so
// a program can be shipped with a bundle that was built before. The files may be served
// under any path, if all have the same path.
//
// A page with a content security policy needs script-src 'self' 'wasm-unsafe-eval', and
// connect-src for the server to which it connects.
package web
