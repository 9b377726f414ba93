package relay

import "time"

// Shares are places for what is under way for newcomers. An address takes no more of them than it leaves to others, so that one address cannot keep
// all others out. The caller locks.
type Shares struct {
	Most int // places

	taken int
	by    map[string]int
}

// Take takes a place for an address, or for none, which may take all, and reports whether there was one for it.
func (s *Shares) Take(addr string) bool {
	free := s.Most - s.taken
	if free <= 0 || addr != "" && s.by[addr] >= free {
		return false
	}
	s.taken++
	if addr != "" {
		if s.by == nil {
			s.by = make(map[string]int)
		}
		s.by[addr]++
	}
	return true
}

// Give gives a place back.
func (s *Shares) Give(addr string) {
	s.taken--
	if addr == "" {
		return
	}
	if s.by[addr]--; s.by[addr] == 0 {
		delete(s.by, addr)
	}
}

// A Rate bounds how often something is done for newcomers. Within a second an address does it no more often than it leaves to others. The caller locks.
type Rate struct {
	Step  time.Duration // between two
	Burst int           // at once

	full  time.Duration // when all that was done is made up for
	begun time.Duration // when the second of by began
	by    map[string]int
}

// Take reports whether it may be done for an address, or for none, at the time now since some beginning.
func (r *Rate) Take(addr string, now time.Duration) bool {
	if now-r.begun >= time.Second {
		r.begun, r.by = now, nil
	}
	r.full = max(r.full, now)
	free := r.Burst - int((r.full-now+r.Step-1)/r.Step)
	if free <= 0 || addr != "" && r.by[addr] >= free {
		return false
	}
	if r.full += r.Step; addr != "" {
		if r.by == nil {
			r.by = make(map[string]int)
		}
		r.by[addr]++
	}
	return true
}
