package notices

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func named(name string) *View { return &View{Presence: wire.Presence{Name: name}} }

func (c Change) String() string {
	switch {
	case c.Before == nil:
		return "+" + c.After.Name
	case c.After == nil:
		return "-" + c.Before.Name
	}
	return c.Before.Name + ">" + c.After.Name
}

// stuffed returns a full box with one change of client 0, called "first".
func stuffed(t *testing.T) *Box {
	b := New(1 << 20)
	first := Change{0, nil, named("first")}
	mine, _ := b.Put(first)
	require.True(t, mine)
	require.False(t, b.Back(first))
	return b
}

func (b *Box) drain() (told []string) {
	for c, ok := b.Start(); ok; c, ok = b.Next() {
		told = append(told, c.String())
	}
	return told
}

func TestOnlyTheLatestIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		put  []Change
		want []string
	}{
		"comes":               {[]Change{{1, nil, named("a")}}, []string{"+a"}},
		"comes and goes":      {[]Change{{1, nil, named("a")}, {1, named("a"), nil}}, nil},
		"comes, is renamed":   {[]Change{{1, nil, named("a")}, {1, named("a"), named("b")}}, []string{"+b"}},
		"is renamed twice":    {[]Change{{1, named("a"), named("b")}, {1, named("b"), named("c")}}, []string{"a>c"}},
		"is renamed back":     {[]Change{{1, named("a"), named("b")}, {1, named("b"), named("a")}}, nil},
		"is renamed and goes": {[]Change{{1, named("a"), named("b")}, {1, named("b"), nil}}, []string{"-a"}},
		"nothing":             {[]Change{{1, nil, nil}, {2, named("a"), named("a")}}, nil},
		"first come":          {[]Change{{1, nil, named("a")}, {2, nil, named("b")}, {1, named("a"), named("c")}}, []string{"+c", "+b"}},
		"a name changes hands": {
			[]Change{{1, named("a"), named("b")}, {2, nil, named("a")}, {1, named("b"), named("c")}}, []string{"a>c", "+a"},
		},
		"a name is taken over later": {
			[]Change{{1, nil, named("x")}, {2, named("a"), named("b")}, {1, named("x"), named("a")}}, []string{"-a", "+a", "+b"},
		},
		"two swap names": {
			[]Change{{1, named("a"), named("t")}, {2, named("b"), named("a")}, {1, named("t"), named("b")}}, []string{"-b", "a>b", "+a"},
		},
		"who goes gives its name": {[]Change{{1, nil, named("x")}, {2, named("a"), nil}, {1, named("x"), named("a")}}, []string{"-a", "+a"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := stuffed(t)
			for _, c := range tc.put {
				mine, missed := b.Put(c)
				require.False(t, mine)
				require.Zero(t, missed)
			}
			require.Equal(t, append([]string{"+first"}, tc.want...), b.drain())
			require.Zero(t, b.Size())
			mine, _ := b.Put(Change{9, nil, named("z")})
			require.True(t, mine, "who puts it in tells it")
		})
	}
}

// Room that comes while a change is in hand for which there was none is not overlooked.
func TestRoomThatComesMeanwhile(t *testing.T) {
	b := New(1 << 20)
	c := Change{1, nil, named("a")}
	mine, _ := b.Put(c)
	require.True(t, mine)
	_, ok := b.Start()
	require.False(t, ok, "somebody tells")
	mine, _ = b.Put(Change{1, named("a"), named("b")})
	require.False(t, mine)
	require.True(t, b.Back(c))
	c, ok = b.Next()
	require.True(t, ok)
	require.Equal(t, "+b", c.String())
	require.False(t, b.Back(c), "once")
	require.Equal(t, []string{"+b"}, b.drain())
}

func TestBoxIsBounded(t *testing.T) {
	b := New(10 * (&Change{0, nil, named("0000")}).cost())
	c := Change{1 << 40, nil, named("first")}
	b.Put(c)
	missed := 0
	for i := range 30 {
		_, n := b.Put(Change{uint64(i), nil, named(fmt.Sprintf("%04d", i))})
		missed += n
		require.LessOrEqual(t, b.Size(), b.limit)
	}
	require.Equal(t, 20, missed)
	for i := range 1000 { // any number of changes of one client's name
		_, n := b.Put(Change{29, named(fmt.Sprintf("%04d", 29+i)), named(fmt.Sprintf("%04d", 30+i))})
		require.Zero(t, n)
	}
	c, ok := b.Next()
	require.True(t, ok)
	require.Equal(t, "+0020", c.String(), "the oldest are given up")
	b.Close()
	require.Zero(t, b.Size())
	_, ok = b.Next()
	require.False(t, ok)
	mine, missed := b.Put(c)
	require.False(t, mine)
	require.Zero(t, missed)
}

// A receiver applies the changes that it is told to what it knows. Names are unique.
type receiver struct {
	t     *testing.T
	knows map[string]uint64
}

func (r *receiver) tell(c Change) {
	if c.Before != nil {
		require.Contains(r.t, r.knows, c.Before.Name, "%v", c)
		require.Equal(r.t, c.Subject, r.knows[c.Before.Name], "%v", c)
		delete(r.knows, c.Before.Name)
	}
	if c.After != nil {
		require.NotContains(r.t, r.knows, c.After.Name, "%v", c)
		r.knows[c.After.Name] = c.Subject
	}
}

// Clients come, go and change names at random, and the receiver reads slowly. Each change that it is
// told makes sense, no name is there twice, and in the end it knows the true state.
func TestReceiverIsRightInTheEnd(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := New(1 << 30)
		r := &receiver{t, map[string]uint64{}}
		truth := map[string]uint64{}
		var lastID uint64
		room := 3
		tell := func(c Change, ok bool) {
			for ok {
				if room > 0 {
					room--
					r.tell(c)
				} else if !b.Back(c) {
					return
				}
				c, ok = b.Next()
			}
		}
		put := func(c Change) {
			if mine, missed := b.Put(c); mine {
				tell(c, true)
			} else {
				require.Zero(t, missed)
			}
		}
		names := 1 + rnd.IntN(12)
		for range 400 {
			name := fmt.Sprint("n", rnd.IntN(names))
			switch id, taken := truth[name]; {
			case rnd.IntN(4) == 0:
				room = rnd.IntN(4)
				tell(b.Start())
			case !taken && rnd.IntN(2) == 0:
				lastID++
				truth[name] = lastID
				put(Change{lastID, nil, named(name)})
			case taken && rnd.IntN(2) == 0:
				delete(truth, name)
				put(Change{id, named(name), nil})
			case taken:
				next := fmt.Sprint("n", rnd.IntN(names))
				if _, taken := truth[next]; taken {
					continue
				}
				delete(truth, name)
				truth[next] = id
				put(Change{id, named(name), named(next)})
			}
		}
		room = 1 << 30
		tell(b.Start())
		require.Equal(t, truth, r.knows, "seed %d", seed)
		require.Zero(t, b.Size())
		require.Empty(t, b.holds)
	}
}

// Many goroutines put in changes at once, each of its own subject, while room comes and goes.
func TestBoxIsSafeForConcurrentUse(t *testing.T) {
	const subjects, changes = 8, 500
	b := New(1 << 30)
	var mu sync.Mutex // guards the variables below
	room := 5
	knows := map[uint64]string{}
	tell := func(c Change, ok bool) {
		for ok {
			mu.Lock()
			fits := room > 0
			if fits {
				room--
				if c.Before != nil && knows[c.Subject] != c.Before.Name {
					t.Errorf("%v of one who is called %q", c, knows[c.Subject])
				}
				delete(knows, c.Subject)
				if c.After != nil {
					knows[c.Subject] = c.After.Name
				}
			}
			mu.Unlock()
			if !fits && !b.Back(c) {
				return
			}
			c, ok = b.Next()
		}
	}
	var wg sync.WaitGroup
	for id := range uint64(subjects) {
		wg.Go(func() {
			var last *View
			for i := range changes {
				next := named(fmt.Sprint(id, ":", i))
				if mine, _ := b.Put(Change{id, last, next}); mine {
					tell(Change{id, last, next}, true)
				}
				last = next
			}
		})
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			mu.Lock()
			room = 3
			mu.Unlock()
			tell(b.Start())
			runtime.Gosched() // a browser build would never let the others run
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-done
	mu.Lock()
	room = 1 << 30
	mu.Unlock()
	tell(b.Start())
	for id := range uint64(subjects) {
		require.Equal(t, fmt.Sprint(id, ":", changes-1), knows[id])
	}
}
