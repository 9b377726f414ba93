// Package pool keeps values that were used before.
package pool

// A Pool keeps up to four values that were used before. Its zero value is empty. A browser build has one thread, and
// sync.Pool would add 6 KB to it.
type Pool struct{ list []any }

const most = 4

// Get takes a value, or returns nil if there is none.
func (p *Pool) Get() any {
	last := len(p.list) - 1
	if last < 0 {
		return nil
	}
	v := p.list[last]
	p.list[last] = nil
	p.list = p.list[:last]
	return v
}

// Put keeps a value, unless the pool is full.
func (p *Pool) Put(v any) {
	if len(p.list) < most {
		p.list = append(p.list, v)
	}
}
