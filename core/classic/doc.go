// Package classic turns the frames of the original Python hisock 0.0.2 into bytes
// and back. It does no I/O, starts no goroutine and reads no clock, and every
// function of it may be called by several goroutines at once.
package classic
