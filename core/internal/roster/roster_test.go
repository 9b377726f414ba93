//go:build !js

package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A seated is a member in these tests, as a connection is in core.
type seated struct {
	Member
	id      int
	arrived atomic.Bool
}

func newcomer(id int, name, user string, groups ...string) *seated {
	c := &seated{id: id}
	c.SetName(name)
	c.SetUser(user)
	c.SetAddr("addr" + strconv.Itoa(id%3))
	for _, g := range groups {
		c.AddGroup(g, -1)
	}
	return c
}

func TestComesAndGoes(t *testing.T) {
	r := New[*seated](Rules{UniqueNames: true, ConnsPerUser: 2, MaxGroups: 3})
	ada := newcomer(1, "Ada", "u", "red", "blue")
	require.Zero(t, r.Reserve(ada, &ada.Member))
	require.True(t, r.Enter(ada, &ada.Member, Entry{Session: 7, Notices: true, Groups: true}))
	one := []*seated{ada}
	for what, got := range map[string][]*seated{
		"all": r.All(), "subscribers": r.Subscribers(), "name": r.Named("Ada"), "user": r.Of("u"),
		"red": r.In("red"), "blue": r.In("blue"), "address": r.At("addr1"),
	} {
		require.Equal(t, one, got, what)
	}
	require.Equal(t, ada, r.Session(7))
	require.Empty(t, r.Named("ada"), "the exact name is looked up")

	two := newcomer(2, "ADA", "u")
	require.Equal(t, Holders[*seated]{Name: one}, r.Reserve(two, &two.Member))
	two.SetName("Bob")
	require.Zero(t, r.Reserve(two, &two.Member))
	require.True(t, r.Enter(two, &two.Member, Entry{}))
	three := newcomer(3, "", "u")
	require.Equal(t, Holders[*seated]{User: []*seated{ada, two}}, r.Reserve(three, &three.Member))
	r.Leave(two, &two.Member)
	r.Abandon(&two.Member)
	r.Release(two, &two.Member, r.Freed(&two.Member))
	r.Vacate(two, &two.Member)
	require.Zero(t, r.Reserve(three, &three.Member))
	r.Cancel(three, &three.Member)

	old, holders, no := r.Rename(ada, &ada.Member, "Eve")
	require.Equal(t, "Ada", old)
	require.Empty(t, holders)
	require.Equal(t, None, no)
	require.Equal(t, one, r.Named("Eve"))
	require.Empty(t, r.Named("Ada"))
	two.SetName("ada")
	require.Equal(t, one, r.Reserve(two, &two.Member).Name, "others have not been told yet")
	r.Release(ada, &ada.Member, r.Freed(&ada.Member))
	require.Zero(t, r.Reserve(two, &two.Member).Name)

	r.Move(ada, &ada.Member, "elsewhere")
	require.Equal(t, one, r.At("elsewhere"))
	require.Empty(t, r.At("addr1"))

	require.Equal(t, []string{"blue", "red"}, r.Leave(ada, &ada.Member))
	require.Empty(t, r.Leave(ada, &ada.Member))
	require.Zero(t, r.Len())
	require.Nil(t, r.Session(7))
	for _, names := range [][]string{r.Names(), r.Users(), r.Groups(), r.Addrs()} {
		require.Empty(t, names)
	}
	require.Equal(t, []string{"blue", "red"}, ada.Groups(), "what it was stays")
	_, no = r.Join(ada, &ada.Member, "green")
	require.Equal(t, Out, no)
	_, _, no = r.Part(ada, &ada.Member, "red")
	require.Equal(t, Out, no)
	_, _, no = r.Rename(ada, &ada.Member, "Ada")
	require.Equal(t, Out, no)
	r.Move(ada, &ada.Member, "nowhere")
	require.Equal(t, "elsewhere", ada.Addr())
	eve := newcomer(4, "eve", "")
	require.NotEmpty(t, r.Reserve(eve, &eve.Member).Name, "it has not been abandoned")
	r.Abandon(&ada.Member)
	require.NotEmpty(t, r.Reserve(eve, &eve.Member).Name, "others have not been told yet")
	r.Release(ada, &ada.Member, r.Freed(&ada.Member))
	require.Zero(t, r.Reserve(eve, &eve.Member))
	r.Close()
	require.False(t, r.Enter(eve, &eve.Member, Entry{}))
	r = New[*seated](Rules{})
	r.Leave(eve, &eve.Member)
	require.False(t, r.Enter(eve, &eve.Member, Entry{}), "it has left before it came")
	require.Zero(t, r.Len())
	eve.SetName("it may be changed: it is not in")
}

// A member that arrives is no holder yet: others that want its seat are told to wait until it has
// entered or given the seat back.
func TestArrivingMemberIsNoHolder(t *testing.T) {
	over := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	tests := map[string]struct {
		name, user string // of a newcomer; ada of the user u arrives meanwhile
		rename     bool   // a member that has entered wants the name instead
	}{
		"its name":           {name: "ADA"},
		"a seat of its user": {user: "u"},
		"both":               {name: "ada", user: "u"},
		"its name, by one that is in": {
			name: "Ada", rename: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := New[*seated](Rules{UniqueNames: true, ConnsPerUser: 1})
			other := newcomer(2, tc.name, tc.user)
			if tc.rename {
				other.SetName("bob")
				require.Zero(t, r.Reserve(other, &other.Member))
				require.True(t, r.Enter(other, &other.Member, Entry{}))
			}
			want := func() Holders[*seated] {
				if !tc.rename {
					return r.Reserve(other, &other.Member)
				}
				old, taken, no := r.Rename(other, &other.Member, tc.name)
				require.Equal(t, "bob", old)
				require.Equal(t, no == Held, taken.Name != nil || taken.Arriving != nil)
				return taken
			}
			ada := newcomer(1, "ada", "u")
			require.Zero(t, r.Reserve(ada, &ada.Member))
			taken, again := want(), want()
			require.Equal(t, Holders[*seated]{Arriving: taken.Arriving}, again, "nobody can be told to go")
			require.NotNil(t, taken.Arriving)
			require.False(t, over(taken.Arriving))
			r.Cancel(ada, &ada.Member) // ada was refused
			require.True(t, over(taken.Arriving))

			require.Zero(t, r.Reserve(ada, &ada.Member))
			taken = want()
			require.NotNil(t, taken.Arriving)
			require.False(t, over(taken.Arriving))
			require.True(t, r.Enter(ada, &ada.Member, Entry{}))
			require.True(t, over(taken.Arriving))
			taken = want()
			require.Nil(t, taken.Arriving)
			require.Equal(t, tc.name != "", taken.Name != nil)
			require.Equal(t, tc.user != "", taken.User != nil)
			for _, holders := range [][]*seated{taken.Name, taken.User} {
				require.Subset(t, []*seated{ada}, holders)
			}

			r.Leave(ada, &ada.Member)
			require.Equal(t, taken, want(), "it has its seats until it gives them back")
			r.Abandon(&ada.Member)
			r.Release(ada, &ada.Member, r.Freed(&ada.Member))
			r.Vacate(ada, &ada.Member)
			require.Zero(t, want())
		})
	}
}

// A newcomer that may not enter any more arrives until it gives its seats back.
func TestArrivingMemberMayNotEnter(t *testing.T) {
	r := New[*seated](Rules{UniqueNames: true})
	ada, other := newcomer(1, "ada", ""), newcomer(2, "ada", "")
	require.Zero(t, r.Reserve(ada, &ada.Member))
	r.Close()
	require.False(t, r.Enter(ada, &ada.Member, Entry{}))
	taken := r.Reserve(other, &other.Member)
	require.NotNil(t, taken.Arriving)
	r.Cancel(ada, &ada.Member)
	<-taken.Arriving
	require.Zero(t, r.Reserve(other, &other.Member))
	r.Cancel(other, &other.Member)
	require.Empty(t, r.arriving.over)
}

func TestGroupsAreBounded(t *testing.T) {
	r := New[*seated](Rules{MaxGroups: 2})
	c := newcomer(1, "", "", "a")
	r.Enter(c, &c.Member, Entry{})
	require.Empty(t, r.In("a"), "not before EnterGroup")
	parted := newcomer(2, "", "", "a", "b")
	r.Enter(parted, &parted.Member, Entry{})
	was, seen, _ := r.Part(parted, &parted.Member, "a")
	require.True(t, was && !seen, "it is taken out before others find it")
	require.Empty(t, r.Leave(parted, &parted.Member))
	require.True(t, r.EnterGroup(c, &c.Member, "a"))
	require.False(t, r.EnterGroup(c, &c.Member, "a"), "once")
	require.False(t, r.EnterGroup(c, &c.Member, "b"), "it is not in that")
	changed, no := r.Join(c, &c.Member, "b")
	require.True(t, changed && no == None)
	changed, no = r.Join(c, &c.Member, "b")
	require.True(t, !changed && no == None)
	changed, no = r.Join(c, &c.Member, "c")
	require.True(t, !changed && no == Full)
	changed, found, _ := r.Part(c, &c.Member, "a")
	require.True(t, changed && found)
	require.Equal(t, []string{"b"}, r.Groups())
}

// A name that is taken back before others have been told of its loss is not released.
func TestNameThatIsTakenAgain(t *testing.T) {
	r := New[*seated](Rules{UniqueNames: true})
	c := newcomer(1, "a", "")
	r.Reserve(c, &c.Member)
	r.Enter(c, &c.Member, Entry{})
	r.Rename(c, &c.Member, "b")
	told := r.Freed(&c.Member)
	r.Rename(c, &c.Member, "a")
	r.Release(c, &c.Member, told)
	other := newcomer(2, "A", "")
	require.NotEmpty(t, r.Reserve(other, &other.Member).Name)
	r.Release(c, &c.Member, r.Freed(&c.Member))
	other.SetName("B")
	require.Empty(t, r.Reserve(other, &other.Member).Name)
}

// A member that has entered changes only through the roster.
func TestMemberThatIsIn(t *testing.T) {
	r := New[*seated](Rules{})
	c := newcomer(1, "a", "")
	r.Enter(c, &c.Member, Entry{})
	require.Panics(t, func() { c.SetName("b") })
	r.Leave(c, &c.Member)
	require.Equal(t, "a", c.SetName("b"))
}

// Every member is found by each of its properties, and nobody else is, after any sequence of
// operations.
func TestRosterModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	r := New[*seated](Rules{UniqueNames: true, ConnsPerUser: 3, MaxGroups: 5})
	in, gone := map[*seated]bool{}, 0
	some := func() *seated {
		for c := range in {
			return c
		}
		return nil
	}
	text := func(n int) string { return string(rune('a' + rng.IntN(n))) }
	for i := range 20_000 {
		c := some()
		switch op := rng.IntN(10); {
		case op < 3 || c == nil:
			n := newcomer(i, text(20), text(6), text(4))
			taken := r.Reserve(n, &n.Member)
			if taken.Name != nil || taken.User != nil {
				continue
			}
			require.True(t, r.Enter(n, &n.Member, Entry{Session: uint64(i) + 1, Notices: i%2 == 0, Groups: true}))
			in[n] = true
		case op < 5:
			require.Equal(t, c.Groups(), r.Leave(c, &c.Member))
			r.Abandon(&c.Member)
			r.Release(c, &c.Member, r.Freed(&c.Member))
			r.Vacate(c, &c.Member)
			delete(in, c)
			gone++
		case op < 6:
			r.Join(c, &c.Member, text(8))
		case op < 7:
			r.Part(c, &c.Member, text(8))
		case op < 9:
			r.Rename(c, &c.Member, text(20))
			r.Release(c, &c.Member, r.Freed(&c.Member))
		default:
			r.Move(c, &c.Member, text(3))
		}
		if i%50 != 0 {
			continue
		}
		require.Equal(t, len(in), r.Len())
		names, users := map[string]int{}, map[string]int{}
		for c := range in {
			require.Contains(t, r.All(), c)
			require.Contains(t, r.At(c.Addr()), c)
			require.Contains(t, r.Of(c.User()), c)
			require.Equal(t, c, r.Session(uint64(c.id)+1))
			if c.Name() != "" {
				require.Equal(t, []*seated{c}, r.Named(c.Name()))
				names[c.Name()]++
			}
			for _, g := range c.Groups() {
				require.Contains(t, r.In(g), c)
				require.Len(t, r.In(g), r.LenIn(g))
			}
			require.LessOrEqual(t, len(c.Groups()), 5)
			users[c.User()]++
			require.Len(t, r.Of(c.User()), r.LenOf(c.User()))
		}
		n, u := r.Seats()
		require.Equal(t, len(names), n)
		require.Equal(t, len(users), u)
		for _, g := range r.Groups() {
			for _, c := range r.In(g) {
				require.True(t, in[c] && c.InGroup(g))
			}
		}
	}
	require.NotZero(t, gone)
}

// There are never more members than may be, and none stays behind, however many come and go at
// once.
func TestAtOnce(t *testing.T) {
	r := New[*seated](Rules{UniqueNames: true, ConnsPerUser: 3, MaxGroups: 4})
	var have, most, early atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				c := newcomer(i, fmt.Sprint("n", i%5), "u", "g")
				taken := r.Reserve(c, &c.Member)
				for taken.Arriving != nil {
					<-taken.Arriving
					taken = r.Reserve(c, &c.Member)
				}
				for _, h := range slices.Concat(taken.Name, taken.User) {
					if !h.arrived.Load() {
						early.Add(1)
					}
				}
				if taken.Name != nil || taken.User != nil {
					continue
				}
				n := have.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				c.arrived.Store(true)
				r.Enter(c, &c.Member, Entry{Session: uint64(g*1000 + i + 1), Notices: true, Groups: true})
				var others sync.WaitGroup
				others.Go(func() {
					for range 5 {
						r.Join(c, &c.Member, "h")
						r.Part(c, &c.Member, "g")
						r.Rename(c, &c.Member, fmt.Sprint("m", i%7))
						r.Move(c, &c.Member, fmt.Sprint(i%3))
						slices.Sort(r.Names())
						r.In("g")
					}
				})
				r.Leave(c, &c.Member)
				others.Wait()
				r.Abandon(&c.Member)
				r.Release(c, &c.Member, r.Freed(&c.Member))
				have.Add(-1)
				r.Vacate(c, &c.Member)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(3))
	require.Zero(t, early.Load(), "holders have entered")
	require.Zero(t, r.Len())
	names, users := r.Seats()
	require.Zero(t, names+users)
	require.Empty(t, r.arriving.over)
	for _, left := range [][]string{r.Names(), r.Groups(), r.Addrs(), r.Users()} {
		require.Empty(t, left)
	}
}
