package load

import "sync"

// A sender writes on a goroutine of its own, so that a server that writes while it should read holds
// up nobody. It sends as many messages as it has credit for.
type sender struct {
	conn  *conn
	most  int                                        // messages in one write
	least int                                        // credit worth a write
	build func(dst []byte, seq uint32, n int) []byte // appends n messages, beginning with number seq

	mu      sync.Mutex // guards the fields below
	wake    sync.Cond
	credit  int
	control []byte
	sent    uint32 // messages, those that are being written included
	ended   bool
}

func newSender(c *conn, most int, build func([]byte, uint32, int) []byte) *sender {
	s := &sender{conn: c, most: most, least: 1, build: build}
	s.wake.L = &s.mu
	return s
}

// post gives credit, and what must be written for the protocol's sake.
func (s *sender) post(credit int, control []byte) {
	if credit == 0 && len(control) == 0 {
		return
	}
	s.mu.Lock()
	s.credit += credit
	s.control = append(s.control, control...)
	s.mu.Unlock()
	s.wake.Signal()
}

// end sends nothing any more, and says how many messages there will have been.
func (s *sender) end() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake.Signal()
	return s.sent
}

func (s *sender) run() error {
	var out []byte
	for {
		s.mu.Lock()
		for s.credit < s.least && len(s.control) == 0 && !s.ended {
			s.wake.Wait()
		}
		if s.ended {
			s.mu.Unlock()
			return nil
		}
		out = append(out[:0], s.control...)
		s.control = s.control[:0]
		n, seq := min(s.credit, s.most), s.sent
		s.credit -= n
		s.sent += uint32(n)
		s.mu.Unlock()

		out = s.build(out, seq, n)
		if err := s.conn.write(out); err != nil {
			return err
		}
	}
}
