package relay

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func sampleSession() *Session {
	return &Session{
		Parked: []byte("parked"), Program: []byte{0, 1}, Names: []Origin{{1, 2}, {1 << 63, 1<<64 - 1}}, Groups: []Followed{{"g", 7, 9}},
		Marks: []Mark{{"all", 1, 0, 5}, {"group-x", 1<<64 - 1, 3, 1 << 40}},
	}
}

func sampleSight() *Sight {
	return &Sight{
		Name: "ada", User: "u", Addr: "1.2.3.4:5", Groups: []string{"a", "b"}, Auth: []byte("secret"), Metadata: []string{"k", "v"},
		MaxFrame: 1 << 20, AckBytes: 4096, Notices: true,
	}
}

// Each form is read as it was written, and is refused if anything is missing or too much.
func TestSessionForms(t *testing.T) {
	ticket := &Ticket{Node: 1<<64 - 1, Conn: 7, Proof: ProofOf([]byte("token")), Received: 9, Sight: 3, Taker: 12, Offset: GotAll}
	moved := &Sight{Moved: 5}
	parcel := &Parcel{Total: 10, Part: []byte("part")}
	forms := map[string]struct {
		b     []byte
		read  func(b []byte) ([]byte, Fault)
		loose bool // its last part is as long as what is left
	}{
		"ticket": {b: ticket.Append(nil), read: func(b []byte) ([]byte, Fault) {
			v, f := ParseTicket(b)
			return v.Append(nil), f
		}},
		"sight": {b: sampleSight().Append(nil), read: func(b []byte) ([]byte, Fault) {
			v, f := ParseSight(b)
			return v.Append(nil), f
		}},
		"moved": {b: moved.Append(nil), read: func(b []byte) ([]byte, Fault) {
			v, f := ParseSight(b)
			return v.Append(nil), f
		}},
		"parcel": {b: parcel.Append(nil), loose: true, read: func(b []byte) ([]byte, Fault) {
			v, f := ParseParcel(b)
			return v.Append(nil), f
		}},
		"again": {b: (&Parcel{Again: true}).Append(nil), read: func(b []byte) ([]byte, Fault) {
			v, f := ParseParcel(b)
			return v.Append(nil), f
		}},
		"session": {b: sampleSession().Append(nil), read: func(b []byte) ([]byte, Fault) {
			v, f := ParseSession(b)
			return v.Append(nil), f
		}},
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			got, f := form.read(form.b)
			require.Equal(t, None, f)
			require.Equal(t, form.b, got)
			if form.loose {
				return
			}
			for n := range len(form.b) {
				_, f := form.read(form.b[:n])
				require.NotEqual(t, None, f, n)
			}
			_, f = form.read(append(bytes.Clone(form.b), 0))
			require.NotEqual(t, None, f)
		})
	}
}

func TestSessionFaults(t *testing.T) {
	other := sampleSession().Append(nil)
	other[0] = Version + 1
	_, f := ParseSession(other)
	require.Equal(t, OtherVersion, f)

	// Numbers of things that cannot be there are refused before anything is allocated for them.
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	for name, b := range map[string][]byte{
		"groups":  append([]byte{sightHere, 0, 0, 0, 0}, huge...),
		"marks":   append([]byte{Version, 0, 0, 0, 0}, huge...),
		"names":   append([]byte{Version, 0, 0}, huge...),
		"parked":  append([]byte{Version}, huge...),
		"empty":   {},
		"odd map": append((&Sight{}).Append(nil)[:7], 1, 1, 'k', 0, 0),
	} {
		_, f := ParseSession(b)
		_, g := ParseSight(b)
		require.False(t, f == None || g == None, name)
	}
	_, f = ParseParcel([]byte{parcelTaken, 3, 1, 2, 3, 4})
	require.Equal(t, BadNumber, f, "more than there is in all")
	_, f = ParseParcel([]byte{parcelTaken, 3})
	require.Equal(t, BadNumber, f, "nothing")
}

func TestMarks(t *testing.T) {
	m := Mark{Lap: 2, Number: 10}
	require.True(t, m.Covers(2, 10))
	require.True(t, m.Covers(1, 11))
	require.False(t, m.Covers(2, 11))
	require.False(t, m.Covers(3, 1))

	q := NewQueue(1 << 20)
	all, g, h := Topic{To: ToAll}, Topic{To: ToGroup, Name: "g"}, Topic{To: ToGroup, Name: "h"}
	first := q.Put(all, NewMessage(KindSend, 1, 0))
	q.Put(g, NewMessage(KindSend, 1, 0))
	last := q.Put(g, NewMessage(KindSend, 1, 0))
	require.Equal(t, Mark{Topic: "all", Number: 1}, first)
	require.Equal(t, []Mark{first, last}, q.Marks([]Topic{all, g, h}))
	require.False(t, q.IsSubscribed([]Topic{all, g}))
	q.Want(all, true)
	q.Want(g, true)
	require.False(t, q.IsSubscribed([]Topic{all, g}), "the publisher does not know it yet")
	q.Changes(10)
	require.True(t, q.IsSubscribed([]Topic{all, g}))
	q.Close()
	require.Zero(t, q.Put(all, NewMessage(KindSend, 1, 0)).Number)
}

func FuzzSession(f *testing.F) {
	f.Add(sampleSession().Append(nil))
	f.Add(sampleSight().Append(nil))
	f.Add((&Ticket{Node: 1, Conn: 2}).Append(nil))
	f.Add((&Parcel{Total: 3, Part: []byte("abc")}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, fault := ParseSession(b); fault == None {
			require.Equal(t, b, v.Append(nil))
		}
		if v, fault := ParseSight(b); fault == None {
			require.Equal(t, b, v.Append(nil))
		}
		if v, fault := ParseTicket(b); fault == None {
			require.Equal(t, b, v.Append(nil))
		}
		if v, fault := ParseParcel(b); fault == None {
			require.Equal(t, b, v.Append(nil))
		}
	})
}
