package outbox

import "time"

// A tripMeter measures how long a ping takes to be answered.
type tripMeter struct {
	nonce uint64
	at    time.Time     // when the ping that is measured was written; zero while none is
	took  time.Duration // the last
}

// asks notes that a ping is written.
func (r *tripMeter) asks(nonce uint64) {
	if r.at.IsZero() { // else the answer to an earlier ping comes first
		r.nonce, r.at = nonce, time.Now()
	}
}

// answered notes that a pong has come.
func (r *tripMeter) answered(nonce uint64) {
	if !r.at.IsZero() && nonce == r.nonce {
		r.took, r.at = max(time.Since(r.at), 1), time.Time{}
	}
}
