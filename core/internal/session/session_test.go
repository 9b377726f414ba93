package session

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

func newLink() *Link {
	near, far := transport.Pipe()
	far.Close() //nolint:errcheck // nobody uses it
	return NewLink(near)
}

// newSession returns a session that can be resumed, and its link.
func newSession() (*Session, *Link) {
	s, l := &Session{}, newLink()
	s.Begin(l)
	s.Open(Credentials{ID: MakeID(0, 7), Token: []byte("token")}, true)
	return s, l
}

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// A model is what a session must be after any sequence of operations.
type model struct {
	t   *testing.T
	s   *Session
	rng *rand.Rand

	state    State
	why      error
	links    []*Link
	of       []LinkState // of links, by index
	detached bool
	token    bool
	sure     bool // the peer has the token
}

func (m *model) last() int { return len(m.links) - 1 }

// some returns the index of a link, mostly of the last.
func (m *model) some() int {
	if m.rng.IntN(4) == 0 {
		return m.rng.IntN(len(m.links))
	}
	return m.last()
}

func (m *model) step() string {
	i := m.some()
	l, suspended := m.links[i], m.state == Suspended && i == m.last()
	switch op := m.rng.IntN(16); op {
	case 0, 1, 2:
		want := CanWait
		if m.of[i] == Lost {
			want = Noticed
		} else if m.state != Linked || !m.token || !m.sure {
			want = MustEnd
		}
		require.Equal(m.t, want, m.s.Losing(l))
		return "losing"
	case 3, 4, 5:
		want := m.state == Linked && i == m.last()
		require.Equal(m.t, want, m.s.Suspend(l))
		if want {
			m.state, m.of[i] = Suspended, Lost
		}
		return "suspend"
	case 6, 7, 8, 9:
		next := newLink()
		want := suspended && !m.detached
		require.Equal(m.t, want, m.s.Waits(l))
		require.Equal(m.t, want, m.s.Relink(l, next))
		if want {
			m.state, m.links, m.of = Linked, append(m.links, next), append(m.of, Sound)
		}
		return "relink"
	case 10, 11:
		want := m.state != Ended && m.of[i] == Sound
		require.Equal(m.t, want, m.s.Mute(l, errors.New("broken pipe")))
		if want {
			m.of[i] = Mute
			require.EqualError(m.t, l.WriteError(), "broken pipe")
		}
		return "mute"
	case 12:
		m.s.Confirm()
		m.sure = true
		return "confirm"
	case 13:
		if m.rng.IntN(8) == 0 {
			require.Same(m.t, m.links[m.last()], m.s.Detach())
			m.detached = true
		}
		return "detach"
	default:
		if m.rng.IntN(6) > 0 {
			return ""
		}
		only, why := l, fmt.Errorf("reason %d", m.rng.Int())
		want := suspended
		if op == 14 {
			only, want = nil, m.state != Ended
		}
		before, ended := m.s.End(why, only)
		require.Equal(m.t, m.state, before)
		require.Equal(m.t, want, ended)
		if want {
			m.state, m.why = Ended, why
		}
		return "end"
	}
}

func (m *model) check(op string) {
	require.Equal(m.t, m.state, m.s.State(), op)
	require.Equal(m.t, m.why, m.s.Why(), op)
	require.Equal(m.t, m.detached, m.s.Detached(), op)
	require.Same(m.t, m.links[m.last()], m.s.Link(), op)
	for i, l := range m.links {
		require.Equal(m.t, m.of[i], l.State(), op)
		require.Equal(m.t, m.of[i] == Lost, closed(l.WhenLost()), op)
		require.Equal(m.t, m.of[i] == Lost, !l.Died().IsZero(), op)
		require.Equal(m.t, i < m.last(), closed(l.WhenReplaced()), op)
	}
	require.False(m.t, m.state == Suspended && m.of[m.last()] != Lost, op)
	require.False(m.t, m.state == Linked && m.of[m.last()] == Lost, op)
}

// The states of a session follow each other as the table at State says, after any sequence of operations. The model
// takes each step of the table, and reaches each state.
func TestModel(t *testing.T) {
	names, table := declared(t)
	states, steps := map[State]int{}, map[string]bool{}
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s, l := &Session{}, newLink()
		s.Begin(l)
		m := &model{t: t, s: s, rng: rng, links: []*Link{l}, of: []LinkState{Sound}, token: seed%4 > 0, sure: seed%4 == 1}
		if m.token {
			s.Open(Credentials{Token: []byte("token")}, m.sure)
		}
		for range 60 {
			before := m.state
			op := m.step()
			m.check(op)
			states[m.state]++
			if m.state != before {
				steps[names[before]+" "+names[m.state]+" "+op] = true
			}
		}
	}
	for state, name := range names {
		require.NotZero(t, states[State(state)], "the model has no step to %s", name)
	}
	require.Equal(t, table, steps, "the table at State, and the steps of the model")
}

// declared returns the names of all constants of type State, in their order, and the steps of the table at State, such
// as "Linked Suspended suspend".
func declared(t *testing.T) (names []string, table map[string]bool) {
	file, err := parser.ParseFile(token.NewFileSet(), "session.go", nil, parser.ParseComments)
	require.NoError(t, err)
	table = map[string]bool{}
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		typed := false
		for _, spec := range gen.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				if spec.Type != nil || spec.Values != nil { // otherwise the constant has the type of the one before it
					is, ok := spec.Type.(*ast.Ident)
					typed = ok && is.Name == "State"
				}
				for _, name := range spec.Names {
					if typed && gen.Tok == token.CONST {
						names = append(names, name.Name)
					}
				}
			case *ast.TypeSpec:
				if spec.Name.Name == "State" {
					from := ""
					for line := range strings.Lines(gen.Doc.Text()) {
						row, ok := strings.CutPrefix(line, "\t")
						if !ok || strings.HasPrefix(row, "from ") {
							continue
						}
						words := strings.Fields(row)
						if row[0] != ' ' {
							from, words = words[0], words[1:]
						}
						table[from+" "+words[0]+" "+strings.ToLower(words[1])] = true
					}
				}
			}
		}
	}
	require.Contains(t, names, "Linked")
	require.NotEmpty(t, table)
	return names, table
}

// Of many goroutines that end a session at once, one does, and its reason stays.
func TestTheFirstReasonWins(t *testing.T) {
	s, _ := newSession()
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			why := fmt.Errorf("reason %d", i)
			if _, ended := s.End(why, nil); ended {
				first.Store(&why)
			}
		})
	}
	wg.Wait()
	require.Equal(t, *first.Load(), s.Why())
	require.Equal(t, Ended, s.State())
}

// Of many links that resume a session at once, one does.
func TestOneGoesOn(t *testing.T) {
	s, l := newSession()
	require.True(t, s.Suspend(l))
	var count atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		next := newLink()
		wg.Go(func() {
			if s.Relink(l, next) {
				count.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, count.Load())
	require.NotSame(t, l, s.Link())
}

// A held session seems to have ended to everybody but its holder.
func TestHold(t *testing.T) {
	s, l := newSession()
	why := errors.New("not welcomed")
	s.Hold(why)
	require.Equal(t, Ended, s.State())
	require.Equal(t, why, s.Why())
	require.Equal(t, MustEnd, s.Losing(l))
	s.Hold(nil)
	require.Equal(t, Linked, s.State())
	require.NoError(t, s.Why())
	require.Equal(t, CanWait, s.Losing(l))
}

func TestID(t *testing.T) {
	for _, node := range []uint64{0, 1, 1<<64 - 1} {
		for _, conn := range []uint64{0, 1, 1 << 20, 1<<64 - 1} {
			at, got, ok := ConnOf(MakeID(node, conn))
			require.True(t, ok)
			require.Equal(t, []uint64{node, conn}, []uint64{at, got})
		}
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, 9), make([]byte, 16), make([]byte, 17)} {
		_, _, ok := ConnOf(b)
		require.False(t, ok)
	}
}
