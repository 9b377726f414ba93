package outbox

import (
	"time"

	"github.com/hisock/hisock/core/internal/moment"
)

// A tripMeter measures how long a ping takes to be answered.
type tripMeter struct {
	nonce uint64
	at    moment.Moment // when the ping that is measured was written; zero while none is
	took  time.Duration // how long the last measured ping took; zero if there was none
}

// asks notes that a ping is written.
func (r *tripMeter) asks(nonce uint64) {
	if r.at == 0 { // else the answer to an earlier ping comes first
		r.nonce, r.at = nonce, moment.Now()
	}
}

// answered notes that a pong has come.
func (r *tripMeter) answered(nonce uint64) {
	if r.at != 0 && nonce == r.nonce {
		r.took, r.at = max(r.at.Since(), 1), 0
	}
}
