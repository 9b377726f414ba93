package relay

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// messages are one message of each kind, with the bytes that nodes of every later version must still understand.
var messages = map[string]struct {
	kind Kind
	body func(b []byte) []byte
	want string
}{
	"hello": {KindHello, (&Hello{ID: "eu-1", Serves: true, Asks: true}).Append, "0101000000000000c0de00000002000000000000000703" + "0465752d31"},
	"bye":   {KindBye, func(b []byte) []byte { return b }, "0102000000000000c0de000000020000000000000007"},
	"send": {KindSend, (&Send{
		To: ToGroup, Name: "g", Transient: true, Form: 3, Except: []Exception{{Node: 0xab, Conn: 300}}, Key: "k", Command: "say", Payload: []byte("hi"),
	}).Append, "0103000000000000c0de000000020000000000000007" + "0102" + "0167" + "00" + "03" + "01" + "00000000000000abac02" + "016b" + "03736179" + "6869"},
	"raw to one": {KindSend, (&Send{To: ToConn, Conn: 7, Raw: true, Payload: []byte{0xff}}).Append,
		"0103000000000000c0de000000020000000000000007" + "0501" + "00" + "07" + "00" + "00" + "00" + "00" + "ff"},
	"question": {KindQuestion, (&Question{ID: 9, Subject: Call, Within: 1000, To: ToUser, Name: "ada", Word: "w", Rest: []byte("r")}).Append,
		"0104000000000000c0de000000020000000000000007" + "09" + "04" + "e807" + "02" + "03616461" + "00" + "0177" + "72"},
	"answer": {KindAnswer, (&Answer{ID: 9, Code: 5, Remote: true, Retry: 20, Reason: "no", Rest: []byte("d")}).Append,
		"0105000000000000c0de000000020000000000000007" + "09" + "05" + "01" + "14" + "026e6f" + "64"},
	"give up": {KindGiveUp, func(b []byte) []byte { return AppendNumber(b, 300) }, "0106000000000000c0de000000020000000000000007" + "ac02"},
	"probe":   {KindProbe, func(b []byte) []byte { return b }, "0107000000000000c0de000000020000000000000007"},
	"watch":   {KindWatch, func(b []byte) []byte { return b }, "0109000000000000c0de000000020000000000000007"},
	"presence": {KindPresence, (&Presence{First: true, List: (&Client{Conn: 300, Name: "ada", User: "u", Addr: "a:1", Gone: true}).Append(nil)}).Append,
		"010a000000000000c0de000000020000000000000007" + "01" + "ac02" + "02" + "03616461" + "0175" + "03613a31"},
	"streams": {KindStreams, (&Streams{Line: 300, Number: 2, Told: []Told{{4, 300}}, Frames: []byte("ff")}).Append,
		"010b000000000000c0de000000020000000000000007" + "00" + "ac02" + "02" + "01" + "04ac02" + "6666"},
	"line over": {KindStreams, (&Streams{Theirs: true, Over: true, Line: 1}).Append, "010b000000000000c0de000000020000000000000007" + "03" + "01" + "00" + "00"},
	"part":      {KindPart, (&Part{ID: 300, Kind: KindAnswer, Index: 1, Total: 5, Piece: []byte("hi")}).Append, "010c000000000000c0de000000020000000000000007" + "ac02" + "05" + "01" + "05" + "6869"},
	"groups": {KindPresence, (&Presence{List: (&Client{Conn: 1, Name: "ada", Groups: []string{"g", "h"}}).Append(nil)}).Append,
		"010a000000000000c0de000000020000000000000007" + "00" + "01" + "04" + "03616461" + "00" + "00" + "02" + "0167" + "0168"},
	"probed": {KindProbed, func(b []byte) []byte { return AppendNumber(b, 0) }, "0108000000000000c0de000000020000000000000007" + "00"},
}

func message(t testing.TB, name string) []byte {
	m, ok := messages[name]
	require.True(t, ok, name)
	b := m.body(NewMessage(m.kind, 0xc0de, 0))
	number(b, 2, 7)
	return b
}

func TestVectors(t *testing.T) {
	for name, tc := range messages {
		t.Run(name, func(t *testing.T) {
			b := message(t, name)
			require.Equal(t, tc.want, hex.EncodeToString(b))
			head, body, fault := ParseHead(b)
			require.Equal(t, None, fault)
			require.Equal(t, Head{Kind: tc.kind, Node: 0xc0de, Lap: 2, Number: 7}, head)
			again, fault := reparsed(head, body)
			require.Equal(t, None, fault)
			require.Equal(t, body, again)
		})
	}
}

// reparsed parses a body and appends what it has found.
func reparsed(head Head, body []byte) (again []byte, f Fault) {
	switch head.Kind {
	case KindHello:
		return appended(ParseHello(body))
	case KindSend:
		return appended(ParseSend(body))
	case KindQuestion:
		return appended(ParseQuestion(body))
	case KindAnswer:
		return appended(ParseAnswer(body))
	case KindPresence:
		return appended(ParsePresence(body))
	case KindStreams:
		return appended(ParseStreams(body))
	case KindPart:
		return appended(ParsePart(body))
	case KindGiveUp, KindProbed:
		var n uint64
		if n, f = ParseNumber(body); f == None {
			return AppendNumber(nil, n), None
		}
	}
	return []byte{}, f
}

// appended appends m, unless it was parsed with a fault.
func appended[M any, P interface {
	*M
	Append(b []byte) []byte
}](m M, f Fault) ([]byte, Fault) {
	if f != None {
		return []byte{}, f
	}
	return P(&m).Append([]byte{}), None
}

func TestFaults(t *testing.T) {
	send := func(body ...byte) []byte {
		b := append(NewMessage(KindSend, 1, 0), body...)
		number(b, 0, 1)
		return b
	}
	presence := func(body ...byte) []byte {
		b := send(body...)
		b[1] = byte(KindPresence)
		return b
	}
	streams := func(body ...byte) []byte {
		b := send(body...)
		b[1] = byte(KindStreams)
		return b
	}
	part := func(body ...byte) []byte {
		b := send(body...)
		b[1] = byte(KindPart)
		return b
	}
	tests := map[string]struct {
		in   []byte
		want Fault
	}{
		"nothing":             {nil, Short},
		"another version":     {[]byte{2}, OtherVersion},
		"half a head":         {[]byte{1, 1, 0, 0}, Short},
		"no kind":             {append([]byte{1, 0}, make([]byte, 30)...), Unknown},
		"kind of the future":  {append([]byte{1, 99}, make([]byte, 30)...), Unknown},
		"no node":             {append([]byte{1, 1}, make([]byte, 30)...), BadNumber},
		"audience":            {send(99, 0, 0, 0, 0, 0, 0, 0), Unknown},
		"flags":               {send(0, 0x80, 0, 0, 0, 0, 0, 0), Unknown},
		"name cut short":      {send(1, 0, 200, 1, 'a'), Short},
		"name too long":       {send(1, 0, 0xff, 0xff, 0xff, 0x7f), TooLong},
		"name of no text":     {send(1, 0, 1, 0xff, 0, 0, 0, 0, 0), BadText},
		"long number":         {send(1, 0, 0x80, 0x00), BadNumber},
		"number over 64 bits": {send(append([]byte{1, 0}, bytes.Repeat([]byte{0xff}, 11)...)...), BadNumber},
		"form too large":      {send(0, 0, 0, 0, 0x80, 0x02, 0, 0, 0), BadNumber},
		"many exceptions":     {send(0, 0, 0, 0, 0, 0x81, 0x08), TooLong},
		"exceptions missing":  {send(0, 0, 0, 0, 0, 10, 1, 2, 3), Short},
		"half a client":       {presence(0, 1, 0, 3, 'a'), Short},
		"no line":             {streams(0, 0, 1, 0), BadNumber},
		"no number":           {streams(0, 1, 0, 0), BadNumber},
		"over with a number":  {streams(2, 1, 1, 0), BadNumber},
		"over with frames":    {streams(2, 1, 0, 0, 1), Long},
		"much is told":        {streams(0, 1, 1, 0x81, 0x02), TooLong},
		"the told is missing": {streams(0, 1, 1, 5, 1, 1), Short},
		"part of a part":      {part(1, byte(KindPart), 0, 9, 1), Unknown},
		"part of a hello":     {part(1, byte(KindHello), 0, 9, 1), Unknown},
		"empty part":          {part(1, byte(KindSend), 0, 9), Short},
		"part of too little":  {part(1, byte(KindSend), 0, 1, 1, 1), Long},
		"no groups":           {presence(0, 1, 4, 0, 0, 0, 0), BadNumber},
		"groups missing":      {presence(0, 1, 4, 0, 0, 0, 5, 0), Short},
		"many groups":         {presence(0, 1, 4, 0, 0, 0, 0x81, 0x20), TooLong},
		"raw with a command":  {send(0, 1, 0, 0, 0, 0, 0, 1, 'c'), Unknown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			head, body, fault := ParseHead(tc.in)
			if fault == None {
				_, fault = reparsed(head, body)
			}
			require.Equal(t, tc.want.String(), fault.String())
		})
	}
}

// Each part of a message is refused, or is another message; nothing panics.
func TestCutAndChanged(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name := range messages {
		whole := message(t, name)
		for n := range whole {
			parseAll(whole[:n])
		}
		for range 2000 {
			b := bytes.Clone(whole)
			for range 1 + random.IntN(4) {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
			parseAll(b)
		}
	}
}

func parseAll(b []byte) {
	if head, body, fault := ParseHead(b); fault == None {
		reparsed(head, body) //nolint:errcheck // that it does not panic is enough
	}
	for list := b; len(list) > 0; {
		_, rest, fault := NextClient(list)
		if fault != None || len(rest) >= len(list) {
			return
		}
		list = rest
	}
}

func TestHeadsOfStreams(t *testing.T) {
	to := StreamTo{Conn: 300, Bytes: true}
	got, arg, fault := ParseStreamTo(append(to.Append(nil), "arg"...))
	require.Equal(t, None, fault)
	require.Equal(t, to, got)
	require.Equal(t, "arg", string(arg))
	end := StreamEnd{Remote: true, Count: 300}
	gotEnd, details, fault := ParseStreamEnd(append(end.Append(nil), "why"...))
	require.Equal(t, None, fault)
	require.Equal(t, end, gotEnd)
	require.Equal(t, "why", string(details))
	for _, b := range [][]byte{nil, {0}, {0xff, 1}, {0, 0x80}} {
		_, _, fault = ParseStreamTo(b)
		require.NotEqual(t, None, fault)
		_, _, fault = ParseStreamEnd(b)
		require.NotEqual(t, None, fault)
	}
}

func TestClientsOfAList(t *testing.T) {
	want := []Client{{Conn: 1, Name: "ada", User: "u", Addr: "1.2.3.4:5"}, {Conn: 1 << 60, Suspended: true}}
	var list []byte
	for _, l := range want {
		list = l.Append(list)
	}
	var got []Client
	for len(list) > 0 {
		l, rest, fault := NextClient(list)
		require.Equal(t, None, fault)
		got, list = append(got, l), rest
	}
	require.Equal(t, want, got)
}

func FuzzMessage(f *testing.F) {
	for name := range messages {
		f.Add(message(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, body, fault := ParseHead(b)
		if fault != None {
			return
		}
		again, fault := reparsed(head, body)
		if fault != None || head.Kind == KindBye || head.Kind == KindProbe || head.Kind == KindWatch {
			return
		}
		require.True(t, bytes.Equal(body, again), "there is one way to write a message")
	})
}

func TestTopicsAreTokens(t *testing.T) {
	names := []string{"", "a", "*", ">", "a.b", strings.Repeat("x", 100000), "é\x00\n"}
	seen := map[string]bool{}
	for _, name := range names {
		for _, to := range []Audience{ToGroup, ToUser, ToNamed} {
			topic := TopicOf(to, name)
			require.Regexp(t, `^[A-Za-z0-9_-]{1,64}$`, topic)
			require.False(t, seen[topic])
			seen[topic] = true
		}
		for _, key := range []string{KeyOfName(name), KeyOfUser(name, 1<<30)} {
			require.Regexp(t, `^[A-Za-z0-9_-]{1,64}$`, key)
		}
	}
	require.Equal(t, TopicOf(ToNamed, "a"), TopicOf(ToOne, "a"))
	require.Regexp(t, `^[A-Za-z0-9_-]{1,64}$`, TopicOfNode(1<<64-1))
}
