package relay

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// partsOf returns the parts of a message with that body.
func partsOf(t *testing.T, id uint64, body []byte) (parts []Part) {
	for _, b := range Split(append(NewMessage(KindSend, 7, 0), body...), id, PartHead+10) {
		require.LessOrEqual(t, len(b), PartHead+10)
		number(b, 0, 1)
		head, body, fault := ParseHead(b)
		require.Equal(t, None, fault)
		require.Equal(t, Head{Kind: KindPart, Node: 7, Number: 1}, head)
		p, fault := ParsePart(body)
		require.Equal(t, None, fault)
		parts = append(parts, p)
	}
	return parts
}

func TestParts(t *testing.T) {
	body := []byte("this is longer than ten, and than twenty")
	parts := partsOf(t, 3, body)
	require.Len(t, parts, 4)
	got := func(in *Parts, node uint64, parts ...Part) (whole []byte, fulls int) {
		for _, p := range parts {
			b, full := in.Got(node, p)
			if b != nil {
				require.Nil(t, whole)
				whole = b
			}
			if full {
				fulls++
			}
		}
		return whole, fulls
	}
	in := NewParts(100)
	for range 3 {
		whole, _ := got(in, 1, parts...)
		require.Equal(t, string(body), string(whole))
	}
	for missing := range parts {
		whole, _ := got(in, 1, append(parts[:missing:missing], parts[missing+1:]...)...)
		require.Nil(t, whole)
	}
	whole, _ := got(in, 1, parts[0], parts[1], parts[1], parts[2], parts[3])
	require.Nil(t, whole)
	whole, _ = got(in, 1, parts[0], parts[1], partsOf(t, 4, body)[2], parts[3])
	require.Nil(t, whole, "of another message")
	whole, _ = got(in, 1, append(parts[:2:2], parts...)...)
	require.Equal(t, string(body), string(whole), "the message before was not ended")

	got(in, 1, parts[:2]...) //nolint:errcheck // they wait
	whole, _ = got(in, 2, parts...)
	require.Equal(t, string(body), string(whole), "each node by itself")
	for range oldPart {
		in.Look()
	}
	require.Len(t, in.of, 1)
	in.Look()
	require.Empty(t, in.of)
	require.Zero(t, in.held)
}

func TestPartsAreBounded(t *testing.T) {
	in := NewParts(100)
	large := partsOf(t, 1, make([]byte, 101))
	for _, p := range large {
		whole, full := in.Got(1, p)
		require.Nil(t, whole)
		require.Equal(t, p.Index == 0, full, "it is said once")
	}
	require.Empty(t, in.of)
	fulls := 0
	for node := range uint64(1000) {
		for _, p := range partsOf(t, 1, make([]byte, 90))[:3] {
			if _, full := in.Got(node, p); full {
				fulls++
			}
		}
		require.LessOrEqual(t, in.held, 100)
	}
	require.Greater(t, fulls, 900)
	p := partsOf(t, 1, bytes.Repeat([]byte("x"), 20))
	p[1].Piece = make([]byte, 50)
	in = NewParts(100)
	in.Got(1, p[0])
	whole, _ := in.Got(1, p[1])
	require.Nil(t, whole, "more than was said")
	require.Zero(t, in.held)
}

// A message whose rest does not come is dropped after some looks, and it is said whose it was.
func TestPartsOfNoWholeMessage(t *testing.T) {
	in := NewParts(100)
	in.Got(7, partsOf(t, 1, make([]byte, 90))[0])
	for range oldPart {
		require.Empty(t, in.Look())
	}
	require.Equal(t, []uint64{7}, in.Look())
	require.Empty(t, in.Look())
	require.Zero(t, in.held)
}

func TestPartsOfPlainQueue(t *testing.T) {
	q := NewQueue(1 << 20)
	q.PutAll(Topic{To: ToAll}, Split(append(NewMessage(KindSend, 7, 0), make([]byte, 40)...), 1, PartHead+10))
	q.Put(Topic{To: ToAll}, NewMessage(KindBye, 7, 0))
	for i, m := range q.Take(1<<20, nil) {
		head, _, fault := ParseHead(m.Payload)
		require.Equal(t, None, fault)
		require.EqualValues(t, i+1, head.Number)
	}
}
