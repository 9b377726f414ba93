//go:build !unix

package fair

import "runtime"

// A poll only yields: this system has no pipe for which the scheduler waits.
type poll struct{}

func (*poll) wait()  { runtime.Gosched() }
func (*poll) close() {}
