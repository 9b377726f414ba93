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
//   - No call from JavaScript blocks: work that has to wait runs in a goroutine and tells the
//     client's sink of its result, from which hisock.js makes a Promise.
//   - Nothing is left in the page's global object. For the program that object is a scope that
//     hisock.js makes, with the host object as "hisock".
//   - Every function that JavaScript can call belongs to one client and is released when
//     the client has ended, except the few functions of the program itself.
package main
