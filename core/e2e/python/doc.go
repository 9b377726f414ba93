// Package python has tests of what a program sees of the original, the Python package hisock: all of its API has a
// counterpart here, and programs in Go and in Python talk to each other, whatever release they are of. The tests
// use the public API only.
package python
