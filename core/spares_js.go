package core

// spares keeps a few values that were used before. A browser build has one thread, and
// would pay 6 KB for sync.Pool.
type spares struct{ list []any }

const maxSpares = 4

func (s *spares) Get() any {
	last := len(s.list) - 1
	if last < 0 {
		return nil
	}
	v := s.list[last]
	s.list[last] = nil
	s.list = s.list[:last]
	return v
}

func (s *spares) Put(v any) {
	if len(s.list) < maxSpares {
		s.list = append(s.list, v)
	}
}
