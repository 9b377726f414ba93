package stream

import "time"

// A flow bounds what is under way of all streams: written, and not known to have arrived. Otherwise the buffers of the
// system and of the path would fill, and everything else that is sent would wait behind them.
//
// Probes are pings that are written among the frames, four for each window. The answer to one tells how long the way
// there and back takes, and that what was written before has arrived. The least time is the way without a queue. The
// window grows while answers take little longer than that, and shrinks when they take longer by more than the slack, which
// is some third of the least time. So the path is always busy, and the queue before it stays short. To begin with the
// window doubles with each round, until there is a queue. As a queue which stays would be taken for a longer path, nothing is
// sent for one round once in measureEvery.
type flow struct {
	window  int
	most    int // of window
	longest int // bytes of an item that fit into a frame which the peer reads
	ramp    int // bytes that may be under way while the window fills again

	sent, arrived uint64 // bytes; what is under way lies between
	parcels       []parcel
	arrivedAt     time.Time // when arrived grew last

	probes []probe // that are under way, in order
	count  uint64  // of probes
	probed uint64  // upTo of the last probe

	got uint64 // bytes of items that the peer has sent

	starting bool   // no queue has been seen yet
	round    uint64 // sent, when the window was doubled or shrunk last

	least    time.Duration // zero until it is known
	leastAt  time.Time     // when it was seen last
	draining bool          // nothing is sent until all has arrived
	measures bool          // nothing is under way: the next probe finds no queue of ours
}

// A probe is a ping that is under way.
type probe struct {
	nonce uint64
	at    time.Time
	upTo  uint64    // sent, before it
	had   uint64    // arrived, then
	hadAt time.Time // since when arrived was so, or at if nothing was under way
	full  bool      // as much was under way as might be, then
	got   uint64    // of the flow, then
}

// A parcel is a part of what is under way.
type parcel struct {
	s     *Stream
	units uint64
	end   uint64 // sent, after it
}

const (
	firstWindow  = 16 << 10  // bytes
	minWindow    = 2 << 10   // bytes
	minAhead     = 64 << 10  // bytes
	maxAhead     = 256 << 10 // bytes
	quickPath    = time.Millisecond
	maxProbes    = 8
	slackPart    = 0.36 // of the least time
	mostLess     = 0.7  // of the window is left at least when it shrinks
	minSlack     = 2 * time.Millisecond
	measureEvery = 10 * time.Second
	probeBit     = 1 << 62 // of the nonces of probes; the others of a connection do not have it

	maxItemHeader = 1 + 10 // bytes of a frame beside its length and the payload: the kind and the id
)

func (f *flow) begin(most, frame int) {
	f.most = max(most, minWindow)
	f.longest = min(frame-maxItemHeader, maxPiece)
	f.window, f.starting, f.measures = min(firstWindow, f.most), true, true
	f.ramp = f.window
}

// relink begins anew over another link. What was under way is written again, and may be much.
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

// room is how many bytes more may be under way.
func (f *flow) room() int {
	if f.draining {
		return 0
	}
	return min(f.window, f.ramp) - f.inFlight()
}

// piece is how many bytes of an item are sent in one frame.
func (f *flow) piece() int { return min(max(f.window/8, minPiece/2), f.longest) }

// ahead is how many bytes a stream lets wait before who sends waits.
func (f *flow) ahead() int { return min(max(f.window/2, minAhead), maxAhead) }

// interval is how many bytes are sent between two probes, so that there are four for each window: two if the path is
// quick, where each answer costs as much as a part of the window.
func (f *flow) interval() int {
	if f.least > 0 && f.least < quickPath {
		return f.window / 2
	}
	return f.window / 4
}

// quantum is how many bytes are written at a time, so that a probe stands behind each.
func (f *flow) quantum() int { return min(max(f.window/4, f.piece()), maxQuantum) }

// look begins a measurement if it is time for one. If nothing is under way the window fills as answers come: all of it at once
// would wait before the path.
func (f *flow) look(now time.Time) {
	if f.inFlight() == 0 && (f.measures || now.Sub(f.arrivedAt) > f.least) {
		f.ramp = max(f.window/3, minWindow)
	}
	if f.least > 0 && !f.measures && !f.draining && now.Sub(f.leastAt) >= measureEvery {
		f.draining = f.inFlight() > 0
		f.measures = !f.draining
	}
}

// send notes that a chunk of a stream is written.
func (f *flow) send(s *Stream, n int, units uint64) {
	f.sent += uint64(n)
	if last := len(f.parcels) - 1; last >= 0 && f.parcels[last].s == s && f.parcels[last].end > f.probed {
		f.parcels[last].units += units
		f.parcels[last].end = f.sent
		return
	}
	f.parcels = append(f.parcels, parcel{s, units, f.sent})
}

// wants reports whether a probe is to be written though there may be nothing else.
func (f *flow) wants() bool {
	if f.sent == f.probed || len(f.probes) >= maxProbes {
		return false
	}
	return f.draining || f.sent-f.probed >= uint64(f.interval())
}

// unasked reports whether something is under way, and no answer will say that it has arrived.
func (f *flow) unasked() bool { return len(f.probes) == 0 && f.sent != f.probed }

// probe returns the nonce of a probe that is to be written now, or 0. If first is set it goes before what was sent since
// before, and nothing else is under way. If blocked is set nothing can be sent before something has arrived.
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

// answered notes the answer to a probe. The answers to those before it may have been left out.
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
	case f.least == 0 || took <= f.least || n == 0 && now.Sub(f.leastAt) >= measureEvery:
		f.least, f.leastAt = took, now
	case took <= f.least+f.least/8:
		f.leastAt = now
	}
	if f.draining && f.inFlight() == 0 {
		f.draining, f.measures = false, true
	}
	if n > 0 {
		f.adapt(&p, float64(n)/max(now.Sub(p.hadAt), time.Microsecond).Seconds(), took)
	}
}

// superseded notes that a later ping of others may have been answered in place of probes: a peer answers the last of the pings that
// have come together. Then another probe is needed.
func (f *flow) superseded() {
	if len(f.probes) > 0 {
		f.probes, f.probed = f.probes[:0], f.arrived
	}
}

// adapt sets the window after a probe that took so long, while the path carried rate bytes a second.
func (f *flow) adapt(p *probe, rate float64, took time.Duration) {
	slack := max(time.Duration(float64(f.least)*slackPart), minSlack)
	if f.got-p.got > (p.upTo-p.had)/4 { // the answer has waited behind the peer's items, which have a queue of their own
		slack = slack * 3 / 2
	}
	queue := took - f.least
	news := p.had >= f.round // what was sent before the last change has arrived
	switch {
	case queue > slack && f.starting:
		f.starting = false
		f.window = f.bound(int(rate * (f.least + slack).Seconds()))
		f.round = f.sent
	case queue > slack/2 && f.starting:
		f.starting = false
	case queue > slack && news:
		f.window = f.bound(int(float64(f.window) * max(float64(f.least+slack)/float64(took), mostLess)))
		f.round = f.sent
	case queue > slack*3/4: // which is long enough
	case p.full && !f.starting:
		f.window = f.bound(f.window + f.window/16 + 1)
	case p.full && news:
		f.window = f.bound(2 * f.window)
		f.round = f.sent
	}
	if queue <= slack*3/4 { // if less is sent than might be, a path that is quick all the same takes more at a time
		f.window = max(f.window, f.bound(int(rate*(f.least+slack*3/4).Seconds())))
	}
}

func (f *flow) bound(window int) int { return min(max(window, minWindow), f.most) }

// arrive notes that all has arrived that was sent up to there.
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
