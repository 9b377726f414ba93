// Command wasm is the client of package core for web pages. Built with GOOS=js and
// GOARCH=wasm it is the hisock.wasm that web/hisock.js loads; package web does both.
//
// It is a thin layer between [github.com/hisock/hisock/core.Client] and JavaScript:
//
//	page ⇄ hisock.js ⇄ this program ⇄ core.Client ⇄ ws ⇄ the browser's WebSocket
//
// Payloads cross as bytes, since the browser has JSON already. web/native.d.ts lists
// what each side calls of the other. The rules are:
//
//   - No call from JavaScript blocks: what has to wait runs in a goroutine and tells the
//     client's sink of the outcome, from which hisock.js makes a Promise.
//   - Nothing is left in the page's global object. The program finds the host object as
//     "hisock" in what it takes for that, which is a scope that hisock.js makes.
//   - Every function that JavaScript can call belongs to one client and is released when
//     that has ended, but for the few of the program itself.
package main
