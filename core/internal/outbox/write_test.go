package outbox

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// written takes once and returns the bytes to be written.
func written(o *Outbox) []byte {
	bufs, _ := o.Take()
	return bytes.Join(bufs, nil)
}

// At the end of a batch the reader writes, waits, or leaves the writing to others.
func TestRelease(t *testing.T) {
	const limit = 10_000
	tests := map[string]struct {
		before   func(o *Outbox)
		mustRead bool
		want     Flush
	}{
		"nothing waits":                   {before: func(*Outbox) {}, want: Nothing},
		"it writes":                       {before: func(o *Outbox) { o.Send([]byte("a"), Data) }, want: Write},
		"it must read":                    {before: func(o *Outbox) { o.Send([]byte("a"), Data) }, mustRead: true, want: Nothing},
		"others write, and little waits":  {before: func(o *Outbox) { o.writing = true; o.Send([]byte("a"), Data) }, want: Nothing},
		"others write, and much waits":    {before: func(o *Outbox) { o.writing = true; o.Send(make([]byte, limit), Data) }, want: Wait},
		"there is no link":                {before: func(o *Outbox) { o.Send([]byte("a"), Data); o.Suspend() }, want: Nothing},
		"nothing can be written any more": {before: func(o *Outbox) { o.Send([]byte("a"), Data); o.broken = true }, want: Nothing},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOutbox(limit, nil)
			o.Hold(100)
			tc.before(o)
			flush, room := o.Release(tc.mustRead)
			require.Equal(t, tc.want, flush)
			require.Equal(t, tc.want == Wait, room != nil)
			if flush == Write {
				require.True(t, o.writing)
				require.Equal(t, "a", string(written(o)))
				o.Done(1)
				require.False(t, o.writing)
			}
		})
	}
}

// Control frames have a slot each: the last of a kind is written, before the data. An ack is written before
// the frames that may answer a sender that waits for it.
func TestControlFrames(t *testing.T) {
	o := newOutbox(10_000, nil)
	o.Hold(0)
	for n := range uint64(5) {
		o.Ping(n)
		o.Pong(10 + n)
		o.Ack(20+n, false)
		o.Miss(1)
	}
	require.Nil(t, o.Send([]byte("data"), Data))
	want := wire.AppendAck(nil, 24)
	want = wire.AppendPing(want, 4)
	want = wire.AppendPong(want, 14)
	want = wire.AppendMissed(want, 5)
	require.Equal(t, append(want, "data"...), written(o))
	o.Done(0)
	o.PingAlong()
	require.False(t, o.control.due, "it is not written for its own sake")
	o.Answered(4)
	require.NotZero(t, o.Stats().RTT)
}

// A peer of another dialect gets no control frames.
func TestForeign(t *testing.T) {
	o := newOutbox(10_000, nil)
	o.Foreign()
	o.Hold(0)
	o.Ping(1)
	o.Pong(1)
	o.PingAlong()
	o.Miss(3)
	require.Equal(t, uint64(3), o.Stats().Missed)
	require.Empty(t, written(o))
}

// The goodbye comes after the waiting frames if the outbox is drained. Otherwise they are dropped.
func TestClose(t *testing.T) {
	bye := wire.Goodbye{Code: 7}
	for _, drain := range []bool{true, false} {
		o := newOutbox(10_000, nil)
		o.Welcome([]byte("welcome"))
		o.Hold(0)
		require.Nil(t, o.Send([]byte("data"), Data))
		flushed := o.Close(Closing{Drain: drain, Goodbye: &bye, Received: 9})
		want := wire.AppendGoodbye(wire.AppendAck(nil, 9), bye)
		if drain {
			want = append([]byte("data"), want...)
		}
		select {
		case <-flushed:
			t.Fatal("it waits")
		default:
		}
		require.Equal(t, "welcome"+string(want), string(written(o)))
		o.Done(0)
		<-flushed
	}
}

// Undelivered frames are kept for an owner that asks for them, and handed out once.
func TestOrphans(t *testing.T) {
	frame := func(s string) []byte { return wire.AppendRaw(nil, []byte(s)) }
	for _, traces := range []bool{true, false} {
		o := newOutbox(10_000, nil)
		if traces {
			o.trace = new(trace)
		}
		o.Keep()
		o.Hold(0)
		for _, s := range []string{"a", "b", "c"} {
			require.Nil(t, o.Send(frame(s), Data))
		}
		o.writing = true
		written(o)
		o.Done(0)
		require.True(t, o.Acked(1))
		require.Nil(t, o.Send(frame("d"), Data))
		o.Close(Closing{})
		o.Finish()
		var want []Run
		if traces {
			size := len(frame("a"))
			all := bytes.Join([][]byte{frame("a"), frame("b"), frame("c"), frame("d")}, nil)
			want = []Run{{Frames: all, Delivered: 1, Written: 3 * size}}
		}
		require.Equal(t, want, o.Orphans())
		require.Nil(t, o.Orphans())
	}
}

// A session goes on with the frames of another outbox.
func TestPark(t *testing.T) {
	frame := func(i int) []byte { return wire.AppendRaw(nil, make([]byte, i)) }
	o := newOutbox(10_000, nil)
	o.Keep()
	o.Hold(0)
	for i := range 5 {
		require.Nil(t, o.Send(frame(i), Data))
	}
	o.Suspend()
	p, ok := o.Park()
	require.True(t, ok)
	_, ok = o.Park()
	require.False(t, ok)
	require.NotNil(t, o.Send(frame(1), Data))

	next := newOutbox(10_000, nil)
	next.Keep()
	next.Unpark(p, 3, 17)
	next.Hold(0)
	next.writing = true
	require.Equal(t, append(frame(3), frame(4)...), written(next))
}
