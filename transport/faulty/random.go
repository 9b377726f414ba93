package faulty

import (
	"math/rand/v2"
	"time"
)

// A Plan says how likely and how severe the faults of random scripts are. The zero Plan
// makes empty scripts.
type Plan struct {
	// Probabilities that a fault of the kind strikes in one direction of one
	// connection, from 0 (never) to 1 (always).
	Delay, Dribble, Corrupt, Stall, HalfClose, Cut, Reset float64

	// Within is the number of bytes within which a fault strikes. Zero means 64 KiB.
	Within int64

	// MaxDelay is the longest delay. Zero means 10 ms.
	MaxDelay time.Duration

	// MaxDribble is the most bytes that pass at a time. Zero means 16.
	MaxDribble int

	// MaxStall is the longest stall. Zero means 1 s. Negative means that stalls last
	// until Close.
	MaxStall time.Duration
}

func (p *Plan) withDefaults() Plan {
	var d Plan
	if p != nil {
		d = *p
	}
	if d.Within == 0 {
		d.Within = 64 << 10
	}
	if d.MaxDelay == 0 {
		d.MaxDelay = 10 * time.Millisecond
	}
	if d.MaxDribble == 0 {
		d.MaxDribble = 16
	}
	if d.MaxStall == 0 {
		d.MaxStall = time.Second
	}
	return d
}

// Random returns a function that makes scripts for [Dialer] and [Listener]. Script n depends only
// on the seed, n and the plan. The faults of one kind do not change when
// another kind becomes more or less likely, so a failure can be narrowed down.
// Several goroutines may call the function at once. A nil plan means the zero Plan.
func Random(seed uint64, plan *Plan) func(n int) Script {
	p := plan.withDefaults()
	return func(n int) Script {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		var s Script
		for _, dir := range []Dir{Reading, Writing} {
			for _, f := range p.faults(r) {
				strikes, at := r.Float64() < f.chance, r.Int64N(max(p.Within, 1))
				if strikes {
					s = append(s, Step{dir, at, f.fault})
				}
			}
		}
		return s
	}
}

type chance struct {
	fault  Fault
	chance float64
}

// faults draws one fault of each kind, with a severity within the plan.
func (p *Plan) faults(r *rand.Rand) []chance {
	upTo := func(d time.Duration) time.Duration { return time.Duration(1 + r.Int64N(max(int64(d), 1))) }
	all := []chance{
		{Delay(upTo(p.MaxDelay)), p.Delay},
		{Dribble(1 + r.IntN(max(p.MaxDribble, 1))), p.Dribble},
		{Corrupt(r.IntN(8)), p.Corrupt},
		{Stall(upTo(p.MaxStall)), p.Stall},
		{HalfClose(), p.HalfClose},
		{Cut(), p.Cut},
		{Reset(), p.Reset},
	}
	if p.MaxStall < 0 {
		all[3].fault = Stall(0)
	}
	return all
}
