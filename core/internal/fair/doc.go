// Package fair lets goroutines that are never done go on one after the other, in a way that lets
// everybody else go first.
//
// Go's scheduler looks for input on sockets when it has nothing to run, and else every 10 ms. A goroutine
// whose socket always has input never waits for it. As many of these as there are processors keep all
// others from being found: each runs for 10 ms, and somebody who has asked for little waits for
// all of them. [runtime.Gosched] helps little, since who calls it stays in the scheduler's queue,
// which is never empty then.
//
// At a [Gate] these goroutines wait for something else than a processor: for a byte in a pipe,
// one of them at a time, so that whoever passes has seen the scheduler look at all sockets.
package fair
