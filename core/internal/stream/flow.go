package stream

import "time"

// A flow bounds what is under way of all streams: written, and not known to have arrived. Otherwise the buffers of the
// system and of the path would fill, and everything else that is sent would wait behind them.
//
// Probes are pings that are written among the frames; their answers tell how long the way there and back takes
// and how much has arrived meanwhile. The least time is the way of a path without a queue. What may be under way is as
// much as the path carries in that time, and in a third of it more, so that the path is always busy and the
// queue before it stays short:
//
//	window = rate × (least + slack)
//
// If the path has become quicker no queue builds up, the answers come after the least time, and the next rate is higher
// by slack/least. To begin with the window doubles with each answer, until there is a queue. As a queue which stays would
// be taken for a longer path, nothing is sent for one round once in measureEvery.
type flow struct {
	window int
	most   int // of window

	sent, arrived uint64 // bytes; what is under way lies between
	parcels       []parcel

	nonce    uint64    // of the probe that is under way; 0 for none
	count    uint64    // of probes
	at       time.Time // when that was written
	upTo     uint64    // sent, before it
	had      uint64    // arrived, then
	full     bool      // as much was under way as might be, then
	probed   uint64    // upTo of the last probe
	starting bool      // no queue has been seen yet

	least    time.Duration // zero until it is known
	leastAt  time.Time     // when it was seen last
	draining bool          // nothing is sent until all has arrived
	measures bool          // nothing is under way: the next probe finds no queue of ours

	rates [rounds]float64 // bytes a second, of the last probes
	round int
}

// A parcel is a part of what is under way.
type parcel struct {
	s     *Stream
	units uint64
	end   uint64 // sent, after it
}

const (
	firstWindow  = 16 << 10 // bytes
	minWindow    = 2 << 10  // bytes
	rounds       = 8
	slackPart    = 0.3 // of the least time
	minSlack     = 2 * time.Millisecond
	measureEvery = 10 * time.Second
	probeBit     = 1 << 62
)

func (f *flow) begin(most int) {
	f.most = max(most, minWindow)
	f.window, f.starting, f.measures = min(firstWindow, f.most), true, true
}

// relink begins anew over another link. What was under way is written again, and may be much.
func (f *flow) relink() {
	parcels, sent, arrived := f.parcels, f.sent, f.arrived
	count, most := f.count, f.most
	*f = flow{parcels: parcels, sent: sent, arrived: arrived, count: count}
	f.begin(most)
	f.probed = arrived
	if f.inFlight() > 0 {
		f.draining, f.measures = true, false
	}
}

func (f *flow) inFlight() int { return int(f.sent - f.arrived) }

// room is how many bytes more may be under way.
func (f *flow) room() int {
	if f.draining {
		return 0
	}
	return f.window - f.inFlight()
}

// piece is how many bytes of an item are sent in one frame.
func (f *flow) piece() int { return min(max(f.window/4, minPiece/2), maxPiece) }

// look begins a measurement if it is time for one.
func (f *flow) look(now time.Time) {
	if f.least > 0 && !f.measures && now.Sub(f.leastAt) >= measureEvery {
		f.draining = f.inFlight() > 0
		f.measures = !f.draining
	}
}

// send notes that a chunk of a stream is written.
func (f *flow) send(s *Stream, n int, units uint64) {
	f.sent += uint64(n)
	if last := len(f.parcels) - 1; last >= 0 && f.parcels[last].s == s {
		if f.parcels[last].end > f.upTo || f.nonce == 0 && f.parcels[last].end > f.probed {
			f.parcels[last].units += units
			f.parcels[last].end = f.sent
			return
		}
	}
	f.parcels = append(f.parcels, parcel{s, units, f.sent})
}

// wants reports whether a probe is to be written though there may be nothing else.
func (f *flow) wants() bool {
	if f.nonce != 0 || f.sent == f.probed {
		return false
	}
	return f.draining || f.sent-f.probed >= uint64(f.window/4)
}

// probe returns the nonce of a probe that is to be written now, or 0. It goes first, before what was sent since before, if
// nothing else is under way. If blocked is set nothing can be sent before something has arrived.
func (f *flow) probe(now time.Time, before uint64, first, blocked bool) (nonce uint64, goesFirst bool) {
	if f.nonce != 0 || !first && !f.wants() && (!blocked || f.sent == f.probed) {
		return 0, false
	}
	f.count++
	f.nonce = probeBit | f.count
	f.at, f.had, f.upTo = now, f.arrived, f.sent
	if first {
		f.upTo, f.measures = before, false
	}
	f.full = f.inFlight() >= f.window/2
	f.probed = f.upTo
	return f.nonce, first
}

// answered notes the answer to a probe.
func (f *flow) answered(nonce uint64, now time.Time) {
	if nonce != f.nonce || nonce == 0 {
		return
	}
	f.nonce = 0
	took := max(now.Sub(f.at), time.Microsecond)
	n := f.upTo - f.had
	f.arrive(f.upTo)
	clean := n == 0 // nothing of ours was before it
	switch {
	case f.least == 0 || took <= f.least || clean && now.Sub(f.leastAt) >= measureEvery:
		f.least, f.leastAt = took, now
	case took <= f.least+f.least/8:
		f.leastAt = now
	}
	if f.draining && f.inFlight() == 0 {
		f.draining, f.measures = false, true
	}
	if clean {
		return
	}
	f.adapt(float64(n)/took.Seconds(), took)
}

// adapt sets the window after a probe that took so long, while the path carried rate bytes a second.
func (f *flow) adapt(rate float64, took time.Duration) {
	best := 0.0
	for _, r := range f.rates {
		best = max(best, r)
	}
	if !f.full && rate <= best {
		return // the path could have carried more
	}
	f.rates[f.round%rounds] = rate
	f.round++
	best = 0
	for _, r := range f.rates {
		best = max(best, r)
	}
	slack := max(time.Duration(float64(f.least)*slackPart), minSlack)
	if f.starting && took <= f.least+slack {
		if f.full {
			f.window = min(2*f.window, f.most)
		}
		return
	}
	f.starting = false
	f.window = int(min(max(best*(f.least+slack).Seconds(), minWindow), float64(f.most)))
}

// arrive notes that all has arrived that was sent up to there.
func (f *flow) arrive(upTo uint64) {
	f.arrived = max(f.arrived, upTo)
	n := 0
	for n < len(f.parcels) && f.parcels[n].end <= f.arrived {
		p := &f.parcels[n]
		p.s.delivered += p.units
		n++
	}
	rest := copy(f.parcels, f.parcels[n:])
	clear(f.parcels[rest:])
	f.parcels = f.parcels[:rest]
}
