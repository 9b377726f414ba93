// Package fair lets goroutines that never wait for input give way to goroutines that do.
//
// Go's scheduler looks for input on sockets when it has nothing to run, and otherwise every 10 ms. A goroutine whose
// socket always has input never waits. If there are as many such goroutines as processors, input for any other
// goroutine is found late: each busy goroutine runs for 10 ms, and a goroutine with little work waits for all of them.
// [runtime.Gosched] helps little, since its caller goes into the scheduler's queue, which then is never empty.
//
// At a [Gate] the busy goroutines wait for a byte in a pipe, one goroutine at a time. When the byte is found, the
// scheduler has looked at all sockets.
package fair
