// Command wasm is the client of package core for web pages. Built with GOOS=js and
// GOARCH=wasm it is the hisock.wasm that web/hisock.js loads. Package web builds it.
//
// It is a thin layer between [github.com/hisock/hisock/core.Client] and JavaScript:
//
//	page ⇄ hisock.js ⇄ this program ⇄ core.Client ⇄ ws ⇄ the browser's WebSocket
//
// Payloads cross as bytes, because the browser has its own JSON. web/native.d.ts lists
// what the two sides do for each other. Commands, calls and their like cross in records, many at a time: see border. The rest
// are calls of functions. The rules are:
//
//   - The page's code never runs during a call from this program, and nothing that such a call does may throw: an exception
//     would end the program.
//   - No call from JavaScript blocks: work that has to wait runs in a goroutine and gives its result to
//     the client's sink. hisock.js makes a Promise of it.
//   - The program adds nothing to the page's global object. Its own global object is a scope that
//     hisock.js makes, with the host object as "hisock".
//   - Every function that JavaScript can call belongs to one client and is released when
//     the client has ended. The few functions of the program itself are never released.
package main
