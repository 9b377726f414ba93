package load

import "sync"

// A sender writes on a separate goroutine, so that the connection is read even while the server does not
// read. It sends as many messages as it has credit for.
type sender struct {
	conn  *conn
	most  int                                        // greatest number of messages in one write
	least int                                        // credit from which on it writes
	build func(dst []byte, seq uint32, n int) []byte // appends n messages, beginning with number seq

	mu      sync.Mutex // guards the fields below
	wake    sync.Cond
	credit  int
	control []byte
	sent    uint32 // messages so far, including messages that are being written
	ended   bool
}

func newSender(c *conn, most int, build func([]byte, uint32, int) []byte) *sender {
	s := &sender{conn: c, most: most, least: 1, build: build}
	s.wake.L = &s.mu
	return s
}

// post adds credit, and bytes that the protocol itself must send.
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

// end stops the sending of new messages, and returns how many messages have been or are being sent.
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
