package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A tape is a peer that says what was recorded, whatever it is told.
type tape struct {
	io.Reader
	told bytes.Buffer
}

func (p *tape) Write(b []byte) (int, error) { return p.told.Write(b) }

func play(says ...[]byte) *tape { return &tape{Reader: bytes.NewReader(bytes.Join(says, nil))} }

func num(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func offered(size int64) []byte { return offer{size: size, seek: size >= 0}.append(nil) }

func chunkOf(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func endOf(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append(make([]byte, lengthSize), sum[:]...)
}

func TestHostileSender(t *testing.T) {
	five := []byte("12345")
	raw := func(at int, b byte) []byte { o := offered(5); o[at] = b; return o }
	tests := map[string]struct {
		says []byte
		code core.Code
		left string // content of the part that stays
	}{
		"nothing":                   {nil, core.CodeProtocol, ""},
		"half an offer":             {offered(5)[:9], core.CodeProtocol, ""},
		"no file":                   {[]byte("GET / HTTP/1.1\r\n"), core.CodeProtocol, ""},
		"another version":           {raw(3, 2), core.CodeVersion, ""},
		"unknown flags":             {raw(4, 2), core.CodeProtocol, ""},
		"not zero":                  {raw(7, 1), core.CodeProtocol, ""},
		"a negative size":           {append(offered(5)[:8], num(math.MaxUint64-1)...), core.CodeProtocol, ""},
		"the smallest negative":     {append(offered(5)[:8], num(1<<63)...), core.CodeProtocol, ""},
		"the biggest size":          {offered(math.MaxInt64), core.CodeTooBig, ""},
		"a byte too much":           {offered(101), core.CodeTooBig, ""},
		"begins behind":             {bytes.Join([][]byte{offered(5), num(3)}, nil), core.CodeProtocol, ""},
		"begins before":             {bytes.Join([][]byte{offered(5), num(math.MaxUint64)}, nil), core.CodeProtocol, ""},
		"more than offered":         {bytes.Join([][]byte{offered(5), num(0), chunkOf(five), chunkOf(five[:1])}, nil), core.CodeProtocol, "12345"},
		"more in a chunk":           {bytes.Join([][]byte{offered(5), num(0), chunkOf([]byte("123456"))}, nil), core.CodeProtocol, ""},
		"a chunk of 4 GiB":          {bytes.Join([][]byte{offered(-1), num(0), {255, 255, 255, 255}}, nil), core.CodeProtocol, ""},
		"more than is taken":        {bytes.Join([][]byte{offered(-1), num(0), chunkOf(make([]byte, 101))}, nil), core.CodeTooBig, ""},
		"less than offered":         {bytes.Join([][]byte{offered(5), num(0), chunkOf(five[:4]), endOf(five[:4])}, nil), core.CodeProtocol, "1234"},
		"a wrong checksum":          {bytes.Join([][]byte{offered(5), num(0), chunkOf(five), endOf(five[1:])}, nil), core.CodeBadPayload, ""},
		"a wrong one of an unknown": {bytes.Join([][]byte{offered(-1), num(0), chunkOf(five), endOf(nil)}, nil), core.CodeBadPayload, ""},
		"ends in a chunk":           {bytes.Join([][]byte{offered(5), num(0), chunkOf(five)[:7]}, nil), core.CodeProtocol, "123"},
		"ends before the end":       {bytes.Join([][]byte{offered(5), num(0), chunkOf(five)}, nil), core.CodeProtocol, "12345"},
		"ends in the checksum":      {bytes.Join([][]byte{offered(5), num(0), chunkOf(five), endOf(five)[:20]}, nil), core.CodeProtocol, "12345"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			to, err := Create(filepath.Join(dir, "f"))
			require.NoError(t, err)
			_, err = Receive(t.Context(), play(tc.says), to, &Options{MaxSize: 100})
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.code.String(), core.CodeOf(err).String(), "%v", err)
			require.NoError(t, to.Close())
			left, err := os.ReadFile(filepath.Join(dir, "f.part"))
			require.Equal(t, tc.left, string(left))
			require.Equal(t, tc.left == "", os.IsNotExist(err), "no part without bytes")
			require.NoFileExists(t, filepath.Join(dir, "f"))
		})
	}
}

// An endless is a sender that repeats body without end after head.
type endless struct {
	head io.Reader
	body []byte
	sent int64
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.body[int(e.sent+int64(n))%len(e.body):])
	}
	e.sent += int64(n)
	return n, nil
}

func (e *endless) Write(p []byte) (int, error) { return len(p), nil }

func TestEndlessSender(t *testing.T) {
	const most = 10 << 20
	s := &endless{head: bytes.NewReader(bytes.Join([][]byte{offered(-1), num(0)}, nil)), body: chunkOf(make([]byte, 1000))}
	to, err := Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer to.Close()
	_, err = Receive(t.Context(), s, to, &Options{MaxSize: most})
	require.ErrorIs(t, err, core.CodeTooBig)
	require.Less(t, s.sent, int64(most+most/100))
}

func TestHostileReceiver(t *testing.T) {
	content := []byte("12345")
	none := sha256.Sum256(nil)
	tests := map[string]struct {
		says []byte
		seek bool
		code core.Code
	}{
		"nothing":                        {nil, true, core.CodeProtocol},
		"half an answer":                 {num(0), true, core.CodeProtocol},
		"has more than there is":         {append(num(6), none[:]...), true, core.CodeProtocol},
		"has a negative number":          {append(num(math.MaxUint64), none[:]...), true, core.CodeProtocol},
		"has some where none can be":     {append(num(1), none[:]...), false, core.CodeProtocol},
		"does not say that it has all":   {append(num(0), none[:]...), true, core.CodeProtocol},
		"says something else at the end": {append(append(num(0), none[:]...), 2), true, core.CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var r io.Reader = bytes.NewReader(content)
			if !tc.seek {
				r = io.MultiReader(r)
			}
			from, err := NewSource(r, 5)
			require.NoError(t, err)
			_, err = Send(t.Context(), play(tc.says), from, nil)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.code.String(), core.CodeOf(err).String(), "%v", err)
		})
	}
}

// FuzzReceive plays any bytes of a sender. A file has its name only if its bytes fit the checksum,
// and no more bytes are taken than allowed.
func FuzzReceive(f *testing.F) {
	five := []byte("12345")
	f.Add([]byte(nil), offered(0), true)
	f.Add([]byte("123"), bytes.Join([][]byte{offered(5), num(3), chunkOf(five[3:]), endOf(five)}, nil), true)
	f.Add([]byte("12x"), bytes.Join([][]byte{offered(5), num(0), chunkOf(five), endOf(five)}, nil), false)
	f.Add([]byte(nil), bytes.Join([][]byte{offered(-1), num(0), chunkOf(five), chunkOf(five), endOf([]byte("1234512345"))}, nil), false)
	f.Fuzz(func(t *testing.T, part, says []byte, whole bool) {
		const most = 1 << 10
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		before := path
		if !whole {
			before += partSuffix
		}
		require.NoError(t, os.WriteFile(before, part, 0o600))
		to, err := Replace(path)
		require.NoError(t, err)
		got, err := Receive(context.Background(), play(says), to, &Options{MaxSize: most})
		require.NoError(t, to.Close())
		content, none := os.ReadFile(path)
		if err == nil {
			require.NoError(t, none)
			require.Equal(t, sha256.Sum256(content), got.SHA256)
			require.Equal(t, got.Size, int64(len(content)))
			require.LessOrEqual(t, len(content), most)
			return
		}
		var e *Error
		require.ErrorAs(t, err, &e)
		require.NotEqual(t, core.CodeInternal, core.CodeOf(err), "%v", err)
		if whole {
			require.True(t, bytes.Equal(part, content))
		} else {
			require.True(t, os.IsNotExist(none))
		}
		left, _ := os.ReadFile(path + partSuffix)
		require.LessOrEqual(t, len(left), max(most, len(part)))
	})
}

// FuzzSend plays any bytes of a receiver. The sender sends its own bytes, once.
func FuzzSend(f *testing.F) {
	none := sha256.Sum256(nil)
	f.Add([]byte("12345"), append(append(num(0), none[:]...), done), true)
	f.Add([]byte("12345"), append(num(9), none[:]...), false)
	f.Fuzz(func(t *testing.T, content, says []byte, seek bool) {
		var r io.Reader = bytes.NewReader(content)
		if !seek {
			r = io.MultiReader(r)
		}
		from, err := NewSource(r, int64(len(content)))
		require.NoError(t, err)
		s := play(says)
		got, err := Send(context.Background(), s, from, nil)
		require.LessOrEqual(t, s.told.Len(), offerSize+startSize+len(content)+2*lengthSize+len(content)/(bufferSize-lengthSize)*lengthSize+sha256.Size)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			return
		}
		require.Equal(t, sha256.Sum256(content), got.SHA256)
	})
}
