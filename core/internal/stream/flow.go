package stream

import "time"

// A flow bounds the bytes under way of all streams together: the bytes that have been written, and are not known to have arrived. Without
// the bound they would fill the buffers of the system and of the path, and all other frames would wait behind them.
//
// Probes are pings among the frames, four for each window. The answer to a probe tells the time of the way there and back, and
// that all frames before the probe have arrived. The least time is the time of the way without a queue. The window grows while
// answers take little longer than the least time. It shrinks when an answer takes longer by more than the slack, which is about
// a third of the least time. Answers may also take long because an end has no processor for them. They differ much then: the quickest
// of the latest answers counts, and the slack is more. So the path is always busy, and the queue before it stays
// short. At first the window doubles with each round, until there is a queue. A queue that stays would look like a longer path, so once in measureEvery nothing is sent for
// one round.
//
// An answer waits behind the peer's items, too, and nobody can tell the two queues from each other. If both sides send, each has
// less slack, because the queues add up. The side whose least time is less would give way to the other until it sends next to nothing. So its window
// keeps what the path carries in the least time: as much makes no queue.
type flow struct {
	window  int // bytes that may be under way
	most    int // bytes: the bound of window
	longest int // bytes of an item that fit into the longest frame, at most maxPiece
	ramp    int // bytes that may be under way while the window fills again

	sent, arrived uint64 // bytes; the bytes between the two are under way
	parcels       []parcel
	arrivedAt     time.Time // when arrived grew last

	probes []probe // the probes that are under way, oldest first
	count  uint64  // of all probes
	probed uint64  // the last probe's upTo

	got uint64 // the cost of the received items, in bytes of credit

	starting bool   // no queue has been seen yet
	round    uint64 // the value of sent when the window was last doubled or shrunk

	tooks    [samples]time.Duration // how long the last answers took, in a ring
	answers  int                    // all answers so far
	least    time.Duration          // zero until it is known
	leastAt  time.Time              // when it was last seen
	best     float64                // bytes a second that the path has carried at most lately; it fades within bestFor
	bestAt   time.Time              // when best was set
	both     bool                   // the peer sends items, too
	draining bool                   // no item is sent until all bytes have arrived
	measures bool                   // nothing is under way: the next probe finds no queue of this side
}

// A probe is a ping that is under way.
type probe struct {
	nonce uint64
	at    time.Time
	upTo  uint64    // the value of sent before the probe
	had   uint64    // the value of arrived when the probe was written
	hadAt time.Time // when arrived got that value; at if nothing was under way
	full  bool      // at least half of the window was in use when the probe was written
	got   uint64    // the value of the flow's got when the probe was written
}

// A parcel is a part of the bytes under way, all of one stream.
type parcel struct {
	s     *Stream
	units uint64
	end   uint64 // the value of sent after the parcel
}

const (
	firstWindow  = 16 << 10  // bytes
	minWindow    = 2 << 10   // bytes
	minAhead     = 64 << 10  // bytes
	maxAhead     = 256 << 10 // bytes
	maxProbes    = 8
	latest       = 4    // answers, of which the quickest counts on an unsteady path
	samples      = 16   // answers that tell whether a path is unsteady
	slackPart    = 0.36 // part of the least time
	bothPart     = 0.7  // part of the slack that is left if both sides send
	mostLess     = 0.7  // part of the window that is left at least when it shrinks
	minSlack     = 2 * time.Millisecond
	measureEvery = 10 * time.Second
	bestFor      = 15 * time.Second
	probeBit     = 1 << 62 // set in the nonces of probes, and in no other nonce of a connection

	maxItemHeader = 1 + 10 // bytes of the kind and the id in a frame of an item
)

func (f *flow) begin(most, frame int) {
	f.most = max(most, minWindow)
	f.longest = min(frame-maxItemHeader, maxPiece)
	f.window, f.starting, f.measures = min(firstWindow, f.most), true, true
	f.ramp = f.window
}

// relink begins anew over another link. The bytes under way are written again, and may be many.
func (f *flow) relink() {
	before := *f
	*f = flow{parcels: before.parcels, sent: before.sent, arrived: before.arrived, count: before.count}
	f.begin(before.most, before.longest+maxItemHeader)
	f.probed = f.arrived
	if f.inFlight() > 0 {
		f.draining, f.measures = true, false
	}
}

func (f *flow) inFlight() int { return int(f.sent - f.arrived) }

// room returns the bytes that may be added to those under way. It may be negative.
func (f *flow) room() int {
	if f.draining {
		return 0
	}
	return min(f.window, f.ramp) - f.inFlight()
}

// piece returns the greatest number of bytes of an item in one frame.
func (f *flow) piece() int { return min(max(f.window/8, minPiece/2), f.longest) }

// ahead returns the bytes that a stream lets wait to be pulled before its senders wait.
func (f *flow) ahead() int { return min(max(f.window/2, minAhead), maxAhead) }

// interval returns the bytes between two probes. On a quick path fewer answers cost less, but then the sender stops for each of them.
func (f *flow) interval() int { return f.window / 4 }

// quantum returns the bytes that one Pull takes, so that a probe can follow them.
func (f *flow) quantum() int { return min(max(f.window/4, f.piece()), maxQuantum) }

// look begins a measurement if it is time for one. If nothing is under way it lowers ramp, so that the window fills as answers come: a
// whole window at once would wait before the path.
func (f *flow) look(now time.Time) {
	if f.inFlight() == 0 && (f.measures || now.Sub(f.arrivedAt) > f.least) {
		f.ramp = max(f.window/3, minWindow)
	}
	if f.least > 0 && !f.measures && !f.draining && now.Sub(f.leastAt) >= measureEvery {
		f.draining = f.inFlight() > 0
		f.measures = !f.draining
	}
}

// send counts n bytes of a stream, with units items or bytes of payload, as under way.
func (f *flow) send(s *Stream, n int, units uint64) {
	f.sent += uint64(n)
	if last := len(f.parcels) - 1; last >= 0 && f.parcels[last].s == s && f.parcels[last].end > f.probed {
		f.parcels[last].units += units
		f.parcels[last].end = f.sent
		return
	}
	f.parcels = append(f.parcels, parcel{s, units, f.sent})
}

// wants reports whether a probe is due, even if there is nothing else to write.
func (f *flow) wants() bool {
	if f.sent == f.probed || len(f.probes) >= maxProbes {
		return false
	}
	return f.draining || f.sent-f.probed >= uint64(f.interval())
}

// unasked reports whether bytes are under way, and no probe that would tell of their arrival.
func (f *flow) unasked() bool { return len(f.probes) == 0 && f.sent != f.probed }

// probe returns the nonce of a probe to write now, or 0. before is the value of sent before this Pull. If first is set the probe
// goes before the frames of this Pull, and nothing else is under way. If blocked is set, nothing more can be sent before frames have arrived.
func (f *flow) probe(now time.Time, before uint64, first, blocked bool) (nonce uint64) {
	if !first && !f.wants() && (!blocked || !f.unasked()) {
		return 0
	}
	f.count++
	p := probe{nonce: probeBit | f.count, at: now, had: f.arrived, hadAt: f.arrivedAt, upTo: f.sent, got: f.got, full: blocked || f.inFlight() >= min(f.window, f.ramp)/2}
	if first {
		p.upTo, f.measures = before, false
	}
	if p.hadAt.IsZero() || f.inFlight() == int(f.sent-before) { // nothing was under way
		p.hadAt = now
	}
	f.probes = append(f.probes, p)
	f.probed = p.upTo
	return p.nonce
}

// answered handles the answer to a probe. The peer may have left out the answers to earlier probes.
func (f *flow) answered(nonce uint64, now time.Time) {
	i := 0
	for i < len(f.probes) && f.probes[i].nonce != nonce {
		i++
	}
	if i == len(f.probes) {
		return
	}
	p := f.probes[i]
	f.probes = append(f.probes[:0], f.probes[i+1:]...)
	took := max(now.Sub(p.at), time.Microsecond)
	n := p.upTo - p.had
	f.ramp = min(f.ramp+int(max(p.upTo, f.arrived)-f.arrived), f.most)
	f.arrive(p.upTo, now)
	switch {
	case f.least == 0 || took <= f.least:
		f.least, f.leastAt = took, now
	case n == 0 && now.Sub(f.leastAt) >= measureEvery:
		if f.both { // the answer may have waited in the peer's queue
			took = min(took, f.least+f.least/16)
		}
		f.least, f.leastAt = took, now
	case took <= f.least+f.least/64:
		f.leastAt = now
	}
	if f.draining && f.inFlight() == 0 {
		f.draining, f.measures = false, true
	}
	f.tooks[f.answers%samples] = took
	f.answers++
	if n > 0 {
		rate := float64(n) / max(now.Sub(p.hadAt), time.Microsecond).Seconds()
		f.both = f.got-p.got > uint64(n)/32
		f.best = max(rate, f.best*max(1-now.Sub(f.bestAt).Seconds()/bestFor.Seconds(), 0))
		f.bestAt = now
		f.adapt(&p, rate, took)
	}
}

// unsteady is how much the times of successive answers differ in the mean, if that is so much that it cannot be a queue of this side, and
// otherwise zero. Then an end of the path has often no processor for the connection.
func (f *flow) unsteady() time.Duration {
	n := min(f.answers, samples)
	var sum time.Duration
	for i := 1; i < n; i++ {
		sum += (f.tooks[(f.answers-i)%samples] - f.tooks[(f.answers-i-1)%samples]).Abs()
	}
	mean := sum / time.Duration(max(n-1, 1))
	if mean < max(f.least/2, 2*minSlack) {
		return 0
	}
	return mean
}

// quickest is how long the quickest of the latest answers took.
func (f *flow) quickest() time.Duration {
	least := f.tooks[(f.answers-1)%samples]
	for i := 2; i <= min(latest, f.answers); i++ {
		least = min(least, f.tooks[(f.answers-i)%samples])
	}
	return least
}

// superseded forgets all probes. The peer may have answered another ping in their place, because it answers only the last of the pings
// that arrive together. Then another probe is needed.
func (f *flow) superseded() {
	if len(f.probes) > 0 {
		f.probes, f.probed = f.probes[:0], f.arrived
	}
}

// adapt sets the window after the answer to p. took is the time from the probe to its answer, and rate the bytes a second that the path
// carried meanwhile.
func (f *flow) adapt(p *probe, rate float64, took time.Duration) {
	slack := max(time.Duration(float64(f.least)*slackPart), minSlack)
	if unsteady := f.unsteady(); unsteady > 0 {
		took, slack = f.quickest(), max(slack, unsteady)
	}
	if f.both {
		slack = max(time.Duration(float64(slack)*bothPart), minSlack)
	}
	queue := took - f.least
	news := p.had >= f.round // all bytes from before the last change have arrived
	switch {
	case queue > slack && f.starting:
		f.starting = false
		f.window = f.bound(int(rate * (f.least + slack).Seconds()))
		f.round = f.sent
	case queue > slack/2 && f.starting:
		f.starting = false
	case queue > slack && news:
		f.shrink(max(float64(f.least+slack)/float64(took), mostLess), queue)
		f.round = f.sent
	case queue > slack*3/4: // the queue is long enough
	case p.full && !f.starting:
		f.window = f.bound(f.window + f.window/16 + 1)
	case p.full && news:
		f.window = f.bound(2 * f.window)
		f.round = f.sent
	}
	if queue <= slack*3/4 { // a path that stays quick takes more at a time, even if the window was not used
		f.window = max(f.window, f.bound(int(rate*(f.least+slack*3/4).Seconds())))
	}
}

// shrink leaves that part of the window. queue is how long an answer has waited.
func (f *flow) shrink(part float64, queue time.Duration) {
	window := part * float64(f.window)
	if f.both && queue <= 2*f.least { // otherwise the path carries less than before
		window = max(window, min(float64(f.window), f.best*f.least.Seconds()))
	}
	f.window = f.bound(int(window))
}

func (f *flow) bound(window int) int { return min(max(window, minWindow), f.most) }

// arrive handles the arrival of the bytes up to upTo, a value of sent.
func (f *flow) arrive(upTo uint64, now time.Time) {
	if upTo <= f.arrived {
		return
	}
	f.arrived, f.arrivedAt = upTo, now
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
