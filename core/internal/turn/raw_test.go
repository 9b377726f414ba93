package turn

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// Raw messages are received in the order in which they came, wherever each has waited.
func TestRawInOrder(t *testing.T) {
	keeps := map[string]bool{"kept": true, "for a handler that is slow": false}
	for name, keep := range keeps {
		t.Run(name, func(t *testing.T) {
			in := handed(1 << 20)
			put := func(payload string) {
				if _, ok := in.PutRaw([]byte(payload), keep); !ok {
					require.Equal(t, Stored, in.Push(frame(wire.KindRaw, 0, payload)))
				}
			}
			var got []string
			var waits []chan []byte
			get := func() {
				payload, next := in.GetRaw()
				if next != nil {
					waits = append(waits, next)
				} else {
					got = append(got, string(payload))
				}
			}
			put("0")
			put("1")
			get()
			get()
			get() // waits for the next message
			get()
			_, left := in.GetRaw()
			put("2")
			put("3")
			_, ok := in.LeaveRaw(left)
			require.False(t, ok)
			put("4")
			get()
			for _, next := range waits {
				got = append(got, string(<-next))
			}
			require.Equal(t, []string{"0", "1", "4", "2", "3"}, got)
		})
	}
}

// A message that was put into a receiver's channel at the last moment is not lost.
func TestLeaveRawTooLate(t *testing.T) {
	in := handed(1 << 20)
	_, next := in.GetRaw()
	_, ok := in.PutRaw([]byte("late"), false)
	require.True(t, ok)
	payload, ok := in.LeaveRaw(next)
	require.True(t, ok)
	require.Equal(t, "late", string(payload))
}

// A raw message that is pushed for a handler goes to a receiver that has begun to wait meanwhile. Otherwise
// the receiver would get the next message first.
func TestPushSeesAWaitingReceiver(t *testing.T) {
	group, _, _, err := wire.Next(wire.AppendGroupRaw(nil, "g", 7, []byte("first")), 0)
	require.NoError(t, err)
	for name, f := range map[string]wire.Frame{"raw": frame(wire.KindRaw, 0, "first"), "to a group": group} {
		t.Run(name, func(t *testing.T) {
			in := handed(1 << 20)
			_, ok := in.PutRaw([]byte("first"), false)
			require.False(t, ok)
			_, next := in.GetRaw()
			require.Equal(t, Stored, in.Push(f))
			require.Equal(t, "first", string(<-next))
			j, ok := in.Pop()
			require.True(t, ok)
			require.True(t, j.Canceled || j.Kind == wire.KindGroupPassed)
		})
	}
}

// Before anybody has received, messages that do not fit are refused for good. After that there is room once a
// message is received.
func TestRawRoom(t *testing.T) {
	var in Turn
	in.Init(1<<20, nil, false)
	big := make([]byte, 100<<10)
	for range 2 {
		_, ok := in.PutRaw(big, true)
		require.True(t, ok)
	}
	room, ok := in.PutRaw(big, true)
	require.False(t, ok)
	require.Nil(t, room)
	_, next := in.GetRaw()
	require.Nil(t, next)
	_, ok = in.PutRaw(big, true)
	require.True(t, ok)
	room, ok = in.PutRaw(big, true)
	require.False(t, ok)
	require.NotNil(t, room)
	_, next = in.GetRaw()
	require.Nil(t, next)
	<-room
	_, ok = in.PutRaw(big, true)
	require.True(t, ok)
	require.LessOrEqual(t, in.Bytes(), MaxRaw)
}

// A received message is released while other messages still wait.
func TestRawLetsGo(t *testing.T) {
	var in Turn
	in.Init(1<<20, nil, false)
	for range 2 {
		_, ok := in.PutRaw(make([]byte, 100<<10), true)
		require.True(t, ok)
	}
	held := weak.Make(&in.kept[0][0])
	payload, _ := in.GetRaw()
	require.Len(t, payload, 100<<10)
	runtime.KeepAlive(payload) // no other reference but the inbox's
	runtime.GC()
	require.Nil(t, held.Value())
	require.NotEmpty(t, in.kept)
	runtime.KeepAlive(&in)
}

// Raw messages of a connection that is done do not count, also when they are received after that.
func TestUncount(t *testing.T) {
	b := budget.New(1 << 30)
	var in Turn
	in.Init(1<<20, b, true)
	for i := range 3 {
		_, ok := in.PutRaw(make([]byte, 64<<10), true)
		require.True(t, ok)
		in.Push(frame(wire.KindCommand, 0, fmt.Sprint(i)))
	}
	in.Uncount()
	require.Zero(t, b.Held())
	for range 3 {
		payload, _ := in.GetRaw()
		require.Len(t, payload, 64<<10)
		require.Zero(t, b.Held())
	}
}
