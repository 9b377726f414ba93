//go:build !unix

package fair

import "runtime"

// A poll only yields: there is no pipe that the scheduler waits for.
type poll struct{}

func (*poll) wait()  { runtime.Gosched() }
func (*poll) close() {}
