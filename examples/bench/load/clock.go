package load

import (
	"slices"
	"sync/atomic"
	"time"
)

// A clock measures the latency of messages: the time from just before a message is written until it has been
// read. This process does both.
type clock struct {
	begin     time.Time
	times     [4096]atomic.Int64 // times at which the last messages were sent
	latencies [][]int64          // latencies by receiver, in nanoseconds
}

// start allocates room for all latencies, so that nothing is allocated during the measurement.
func (c *clock) start(receivers, rate int, d time.Duration) {
	c.begin = time.Now()
	c.latencies = make([][]int64, receivers)
	for i := range c.latencies {
		c.latencies[i] = make([]int64, 0, int(d.Seconds()*float64(rate))*2+64)
	}
}

func (c *clock) now() int64 { return int64(time.Since(c.begin)) }

func (c *clock) sent(seq uint32) { c.times[seq%uint32(len(c.times))].Store(c.now()) }

func (c *clock) received(receiver int, seq uint32, at int64, counts bool) {
	if counts {
		c.latencies[receiver] = append(c.latencies[receiver], at-c.times[seq%uint32(len(c.times))].Load())
	}
}

func (c *clock) percentiles() (p50, p99 time.Duration) {
	all := slices.Concat(c.latencies...)
	slices.Sort(all)
	if len(all) == 0 {
		return 0, 0
	}
	return time.Duration(all[len(all)/2]), time.Duration(all[len(all)*99/100])
}
