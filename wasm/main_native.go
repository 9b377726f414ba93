//go:build !js

package main

import "os"

func main() {
	println("wasm: this program is for web pages: build it with GOOS=js GOARCH=wasm")
	os.Exit(2)
}
