package relay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func listOf(clients ...Client) (list []byte) {
	for _, l := range clients {
		list = l.Append(list)
	}
	return list
}

func TestOthers(t *testing.T) {
	o := NewOthers()
	ada, bob, cy := Client{Conn: 1, Name: "ada"}, Client{Conn: 2, Name: "bob"}, Client{Conn: 3, Name: "cy"}
	changed, _ := o.Apply(7, Presence{First: true, List: listOf(ada)})
	require.Equal(t, []Turnover{{Conn: 1, After: &ada}}, changed)
	changed, _ = o.Apply(7, Presence{Last: true, List: listOf(bob)})
	require.Equal(t, []Turnover{{Conn: 2, After: &bob}}, changed)
	eve := Client{Conn: 1, Name: "eve"}
	changed, _ = o.Apply(7, Presence{List: listOf(eve, cy)})
	require.Equal(t, []Turnover{{Conn: 1, Before: &ada, After: &eve}, {Conn: 3, After: &cy}}, changed)
	changed, _ = o.Apply(7, Presence{List: listOf(Client{Conn: 3, Gone: true}, Client{Conn: 9, Gone: true}, bob)})
	require.Equal(t, []Turnover{{Conn: 3, Before: &cy}}, changed)

	changed, _ = o.Apply(7, Presence{First: true, Last: true, List: listOf(bob)})
	require.Equal(t, []Turnover{{Conn: 1, Before: &eve}}, changed, "who is not among all has gone")
	changed, _ = o.Apply(7, Presence{First: true, List: listOf(cy)})
	require.Len(t, changed, 1)
	changed, _ = o.Apply(7, Presence{First: true, Last: true, List: listOf(bob, cy)})
	require.Empty(t, changed, "the first attempt broke off")
	o.Spoil(7)
	o.Apply(7, Presence{First: true, List: listOf(bob)})
	o.Spoil(7)
	changed, _ = o.Apply(7, Presence{Last: true})
	require.Empty(t, changed, "a part was lost")
	o.Spoil(8)
	require.Len(t, o.Gone(7), 2)
	require.Empty(t, o.Gone(7))
	require.Empty(t, o.nodes)
}

// A node that says ever longer groups of its clients takes bounded memory, and all of it is free again.
func TestOthersAreBounded(t *testing.T) {
	o := NewOthers()
	o.most = 1 << 20
	groups := make([]string, 100)
	for i := range groups {
		groups[i] = strings.Repeat("g", 200)
	}
	refused := 0
	for conn := range uint64(400) {
		l := Client{Conn: conn, Name: "n", Groups: groups}
		if _, full := o.Apply(1, Presence{List: l.Append(nil)}); full {
			refused++
		}
	}
	of := o.nodes[1]
	require.NotZero(t, refused)
	require.LessOrEqual(t, of.bytes, o.most)
	l := Client{Conn: 0, Name: "n", Gone: true}
	o.Apply(1, Presence{List: l.Append(nil)})
	l = Client{Conn: 1, Name: "longer"}
	o.Apply(1, Presence{List: l.Append(nil)})
	o.Apply(1, Presence{First: true, Last: true, List: l.Append(nil)})
	require.Len(t, of.clients, 1)
	require.Equal(t, l.weight(), of.bytes)
}
