//go:build !js

package ws

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sentMessage is a message on the wire.
type sentMessage struct {
	compressed bool
	payload    string // as it is on the wire, without a mask
}

// sentMessages reads the messages of a stream, each of which is one frame.
func sentMessages(t *testing.T, wire []byte, masked bool) (list []sentMessage) {
	t.Helper()
	for len(wire) > 0 {
		h, size, wrong := parseHeader(wire, masked, true)
		require.Nil(t, wrong)
		require.Equal(t, byte(opBinary), h.opcode)
		require.True(t, h.fin)
		f, err := readFrame(bytes.NewReader(wire))
		require.NoError(t, err)
		list = append(list, sentMessage{h.compressed, f.payload})
		wire = wire[size+len(f.payload):]
	}
	return list
}

// received returns what a peer receives.
func received(t *testing.T, list []sentMessage) string {
	t.Helper()
	var b strings.Builder
	for _, m := range list {
		if !m.compressed {
			b.WriteString(m.payload)
			continue
		}
		p, err := slowInflate([]byte(m.payload))
		require.NoError(t, err)
		require.Less(t, len(m.payload), len(p), "compressing has made it larger")
		require.LessOrEqual(t, len(p), pieceSize)
		b.Write(p)
	}
	return b.String()
}

// What is written arrives, whatever buffers it consists of and however well they compress. The bytes that were given do not change.
func TestRandomCompressedMessages(t *testing.T) {
	for name, server := range map[string]bool{"client": false, "server": true} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			stream := &recording{in: bytes.NewReader(nil)}
			c := compressedConn(stream, nil, !server, 0)
			if server {
				c.deflate.recent = &recent{}
			}
			compressed, asIs := 0, 0
			for range 40 {
				var bufs [][]byte
				var want []byte
				words := random.IntN(3) > 0
				for range random.IntN(20) {
					text := randomText(random, []int{0, 10, partSize, copySize, 90_000}[random.IntN(5)])
					if words {
						text = jsonText(random, len(text))
					}
					bufs = append(bufs, []byte(text))
					want = append(want, text...)
				}
				kept := slices.Clone(bufs)
				stream.out.Reset()
				n, err := c.WriteBuffers(bufs)
				require.NoError(t, err)
				require.EqualValues(t, len(want), n)
				require.True(t, bytes.Equal(want, bytes.Join(kept, nil)), "the bytes that were given are changed")
				list := sentMessages(t, stream.out.Bytes(), !server)
				require.True(t, string(want) == received(t, list))
				for _, m := range list {
					if m.compressed {
						compressed++
					} else {
						asIs++
					}
				}
			}
			require.Greater(t, compressed, 10)
			require.Greater(t, asIs, 5)
			require.NoError(t, c.Close())
		})
	}
}

// jsonText returns size bytes that look like JSON.
func jsonText(random *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(`{"id":` + strconv.Itoa(random.IntN(1_000_000)) + `,"from":"somebody","text":"`)
		for range 5 {
			b.WriteString([]string{"good ", "morning ", "what ", "is ", "there ", "today "}[random.IntN(6)])
		}
		b.WriteString(`"},`)
	}
	return b.String()[:size]
}

// The threshold is for a write as a whole.
func TestThreshold(t *testing.T) {
	for size, want := range map[int]bool{99: false, 100: true, 5000: true} {
		stream := &recording{}
		c := compressedConn(stream, nil, false, 0)
		c.deflate.sharedCompression = made((&Compression{Threshold: 100}).share())
		text := []byte(strings.Repeat("x", size))
		_, err := c.WriteBuffers([][]byte{text[:50], text[50:]})
		require.NoError(t, err)
		list := sentMessages(t, stream.out.Bytes(), false)
		require.Len(t, list, 1)
		require.Equal(t, want, list[0].compressed, "%d bytes", size)
		require.Equal(t, string(text), received(t, list))
		_, err = c.Write(text)
		require.NoError(t, err)
		require.Equal(t, want, sentMessages(t, stream.out.Bytes(), false)[1].compressed)
	}
}

// Messages that do not become smaller are sent as they are, in one frame. After each, twice as many are not tried, up to a bound. A message
// that becomes smaller ends that.
func TestNoiseIsNotTriedAgain(t *testing.T) {
	stream := &recording{}
	c := compressedConn(stream, nil, false, 0)
	text, junk := strings.Repeat("x", 1000), noise[:1000]
	is := func(text string) bool {
		stream.out.Reset()
		_, err := c.Write([]byte(text))
		require.NoError(t, err)
		list := sentMessages(t, stream.out.Bytes(), false)
		require.Len(t, list, 1)
		require.Equal(t, text, received(t, list))
		return list[0].compressed
	}
	require.True(t, is(text))
	for misses := 1; misses <= maxMisses+2; misses++ {
		require.False(t, is(junk))
		skip := 1<<min(misses, maxMisses) - 1
		for i := range skip {
			require.False(t, is(text), "message %d of %d after %d misses", i, skip, misses)
		}
	}
	require.True(t, is(text))
	require.False(t, is(junk))
	require.False(t, is(text))
	require.True(t, is(text))
}

// In a large write the rest is sent as it is from the first part on that does not become smaller.
func TestNoiseInALargeWrite(t *testing.T) {
	stream := &recording{}
	c := compressedConn(stream, nil, false, 0)
	text := strings.Repeat("text ", pieceSize/5+1)[:pieceSize]
	all := text + noise[:pieceSize] + text
	whole := []byte(all)
	_, err := c.WriteBuffers([][]byte{whole[:pieceSize-10], whole[pieceSize-10 : 2*pieceSize+7], whole[2*pieceSize+7:]})
	require.NoError(t, err)
	list := sentMessages(t, stream.out.Bytes(), false)
	require.Len(t, list, 2)
	require.True(t, list[0].compressed)
	require.False(t, list[1].compressed)
	require.True(t, all == received(t, list))
	require.True(t, all == string(whole))
}

// A failed write fails as one without compression does.
func TestCompressedWriteFails(t *testing.T) {
	client, server := pair(t)
	client.useCompression(made((&Compression{}).share()))
	require.NoError(t, server.Close())
	text := []byte(jsonText(rand.New(rand.NewPCG(1, 1)), 60_000))
	var err error
	for range 10_000 {
		if _, err = client.Write(text); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "ws: write: ")
	_, again := client.Write(text)
	require.Equal(t, err, again)
}

// A message for many receivers is compressed once.
func TestRecent(t *testing.T) {
	shared := made((&Compression{}).share())
	shared.recent = &recent{}
	random := rand.New(rand.NewPCG(5, 5))
	texts := make([]string, recents+1)
	for i := range texts {
		texts[i] = jsonText(random, 2000)
	}
	send := func(text string) string {
		stream := &recording{}
		c := compressedConn(stream, nil, false, 0)
		c.deflate.sharedCompression = shared
		_, err := c.WriteBuffers([][]byte{[]byte(text[:700]), []byte(text[700:])})
		require.NoError(t, err)
		list := sentMessages(t, stream.out.Bytes(), false)
		require.Equal(t, text, received(t, list))
		require.True(t, list[0].compressed)
		return list[0].payload
	}
	found := func(text string) bool {
		return shared.recent.find(make([]byte, pieceSize), [][]byte{[]byte(text)}, len(text)) != nil
	}
	for _, text := range texts {
		require.False(t, found(text))
		first := send(text)
		require.True(t, found(text))
		require.Equal(t, first, send(text))
		require.False(t, found(text[:len(text)-1]+"?"))
		require.False(t, found(text[:len(text)-1]))
	}
	require.False(t, found(texts[0]), "the oldest makes room")
	require.True(t, found(texts[1]))
	large := jsonText(random, maxRecent+1)
	send(large)
	require.False(t, found(large))
}

// Conns that write the same and other messages at once do not disturb each other.
func TestCompressAtOnce(t *testing.T) {
	shared := made((&Compression{}).share())
	shared.recent = &recent{}
	var writing sync.WaitGroup
	streams := make([]*recording, 8)
	wants := make([]string, len(streams))
	failed := make(chan error, len(streams))
	for i := range streams {
		streams[i] = &recording{}
		c := compressedConn(streams[i], nil, false, 0)
		c.deflate.sharedCompression = shared
		same, own := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(2, uint64(i)))
		writing.Go(func() {
			for j := range 60 {
				text := jsonText(same, 3000)
				if j%3 == 0 {
					text = jsonText(own, 3000)
				}
				wants[i] += text
				if _, err := io.WriteString(writerOnly{c}, text); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	writing.Wait()
	require.Empty(t, failed)
	for i, stream := range streams {
		require.True(t, wants[i] == received(t, sentMessages(t, stream.out.Bytes(), false)))
	}
}

type writerOnly struct{ io.Writer }
