package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func isReady(ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	default:
		return false
	}
}

// A session goes to one place, whoever asks for it, and only that place gets what it holds.
func TestASessionDepartsOnce(t *testing.T) {
	begun := time.Now()
	d := NewDepartures(time.Minute)
	a, b := Origin{10, 1}, Origin{20, 1}
	require.True(t, d.Depart(7, a, begun))
	require.False(t, d.Depart(7, b, begun))
	require.False(t, d.Depart(7, a, begun))
	require.Nil(t, d.Ready(7, b))
	require.False(t, isReady(d.Ready(7, a)))
	require.Equal(t, 1, d.Pending())
	require.Nil(t, d.Content(7, a))

	d.Pack(7, []byte("all of it"))
	require.True(t, isReady(d.Ready(7, a)))
	require.Nil(t, d.Content(7, b))
	for range 2 { // asked again
		require.Equal(t, []byte("all of it"), d.Content(7, a))
	}
	require.False(t, d.Got(7, b))
	require.Equal(t, 1, d.Pending())
	require.True(t, d.Got(7, a))
	require.Nil(t, d.Content(7, a))
	require.Zero(t, d.Pending())
	to, gone := d.Where(7)
	require.True(t, gone)
	require.Equal(t, a, to)
	require.Zero(t, d.Sweep(begun.Add(time.Minute-1)))
	require.Zero(t, d.Sweep(begun.Add(time.Minute)))
	_, gone = d.Where(7)
	require.False(t, gone)
}

func TestNobodyFetchesASession(t *testing.T) {
	begun := time.Now()
	d := NewDepartures(time.Minute)
	require.True(t, d.Depart(7, Origin{10, 1}, begun))
	require.True(t, d.Depart(8, Origin{10, 2}, begun))
	d.Pack(7, []byte("x"))
	d.Pack(8, nil)
	require.Equal(t, 1, d.Pending())
	require.Equal(t, 1, d.Sweep(begun.Add(fetchPatience)))
	require.Zero(t, d.Pending())
	require.Zero(t, d.Sweep(begun.Add(fetchPatience)), "it is lost once")
}

func TestDeparturesAreBounded(t *testing.T) {
	d := NewDepartures(time.Minute)
	d.many = 2
	for conn := range uint64(3) {
		require.Equal(t, conn < 2, d.Depart(conn, Origin{1, conn}, time.Now()))
	}
}

func TestNamesOfSessions(t *testing.T) {
	begun := time.Now()
	d := NewDepartures(time.Minute)
	d.Name(7, Origin{1, 1}, Origin{2, 2}, Origin{1, 1})
	conn, ok := d.Conn(Origin{2, 2})
	require.True(t, ok)
	require.EqualValues(t, 7, conn)
	require.Equal(t, []Origin{{1, 1}, {2, 2}}, d.Names(7))
	for n := range uint64(100) {
		d.Name(7, Origin{3, n})
	}
	require.Len(t, d.Names(7), MaxNames)

	require.True(t, d.Depart(7, Origin{9, 9}, begun))
	d.Left(7)
	_, ok = d.Conn(Origin{1, 1})
	require.True(t, ok, "its client may still ask where it has gone")
	d.Sweep(begun.Add(time.Minute))
	_, ok = d.Conn(Origin{1, 1})
	require.False(t, ok)

	d.Name(8, Origin{1, 1})
	d.Name(9, Origin{1, 1}) // it has come back, while the connection before is leaving
	d.Left(8)
	conn, ok = d.Conn(Origin{1, 1})
	require.True(t, ok)
	require.EqualValues(t, 9, conn)
	d.Left(9)
	_, ok = d.Conn(Origin{1, 1})
	require.False(t, ok)
}
