// Package python has tests of what a program sees of the original, the Python package hisock: what that offers is
// here too, and programs in Go and in Python talk to each other, whatever release they are of. They go through the
// public API only.
package python
