package load

import (
	"slices"
	"sync/atomic"
	"time"
)

// A clock takes the time of messages from just before they are written to when they have been
// read, which the same process does.
type clock struct {
	begin     time.Time
	times     [4096]atomic.Int64 // when each of the last messages was sent
	latencies [][]int64          // of each receiver
}

// start makes room for all that will be measured, so that nothing is allocated meanwhile.
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
