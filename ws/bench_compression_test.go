//go:build !js

package ws

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hisock/hisock/transport"
)

// A traffic makes messages of one kind.
type traffic struct {
	random *rand.Rand
	prose  []string // words of a real text, in their order
	seq    int
}

func newTraffic() *traffic {
	text := made(os.ReadFile("../README.md"))
	return &traffic{random: rand.New(rand.NewPCG(1, 2)), prose: strings.Fields(string(text))}
}

// chat returns a message of a chat with that many words.
func (t *traffic) chat(words int) []byte {
	t.seq++
	at := t.random.IntN(len(t.prose) - words)
	names := []string{"Ada", "Grace", "Edsger", "Barbara", "Niklaus", "Frances"}
	who := t.random.IntN(len(names))
	type user struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	return made(json.Marshal(struct {
		ID   string `json:"id"`
		Room string `json:"room"`
		From user   `json:"from"`
		Text string `json:"text"`
		At   string `json:"at"`
	}{
		fmt.Sprintf("%016x%04x", t.random.Uint64(), t.seq), "general", user{fmt.Sprintf("u-%d", 1000+who), names[who]},
		strings.Join(t.prose[at:at+words], " "), time.Unix(1_795_800_000+int64(t.seq), 412e6).UTC().Format(time.RFC3339Nano),
	}))
}

// quote returns the price of something.
func (t *traffic) quote(int) []byte {
	t.seq++
	symbol := []string{"EURUSD", "USDJPY", "GBPUSD", "AUDUSD", "USDCHF", "USDCAD", "NZDUSD", "EURGBP"}[t.random.IntN(8)]
	bid := 1 + t.random.Float64()/10
	return made(json.Marshal(struct {
		Type    string  `json:"type"`
		Symbol  string  `json:"symbol"`
		Bid     float64 `json:"bid"`
		Ask     float64 `json:"ask"`
		BidSize int     `json:"bidSize"`
		AskSize int     `json:"askSize"`
		Time    int64   `json:"time"`
		Seq     int     `json:"seq"`
	}{
		"quote", symbol, float64(int(bid*1e5)) / 1e5, float64(int(bid*1e5)+4) / 1e5, 250_000 * (1 + t.random.IntN(20)), 250_000 * (1 + t.random.IntN(20)),
		1_795_800_000_000 + int64(t.seq)*17, t.seq,
	}))
}

// writes returns many writes of the traffic, with count messages in each.
func (t *traffic) writes(message func(*traffic, int) []byte, words, count int) (writes [][]byte) {
	for range 200 {
		var w []byte
		for range count {
			m := message(t, words)
			w = append(w, byte(len(m)|0x80), byte(len(m)>>7), 0x03, 4) // about what package core puts before a command
			w = append(append(w, "news"...), m...)
		}
		writes = append(writes, w)
	}
	return writes
}

var traffics = []struct {
	name         string
	message      func(*traffic, int) []byte
	words, count int
}{
	{"chat, 1 of 10 words", (*traffic).chat, 10, 1},
	{"chat, 1 of 60 words", (*traffic).chat, 60, 1},
	{"chat, 1 of 500 words", (*traffic).chat, 500, 1},
	{"chat, 10 of 10 words", (*traffic).chat, 10, 10},
	{"chat, 100 of 10 words", (*traffic).chat, 10, 100},
	{"quotes, 1", (*traffic).quote, 0, 1},
	{"quotes, 10", (*traffic).quote, 0, 10},
	{"quotes, 100", (*traffic).quote, 0, 100},
	{"quotes, 400", (*traffic).quote, 0, 400},
}

// A tally is a stream that counts what is written and takes no time.
type tally struct {
	recording
	bytes int
}

func (c *tally) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

// BenchmarkCompress writes JSON to a stream that discards it, as it is and compressed. One operation is one write.
func BenchmarkCompress(b *testing.B) {
	for _, tc := range traffics {
		writes := newTraffic().writes(tc.message, tc.words, tc.count)
		for _, how := range []string{"as it is", "compressed"} {
			b.Run(tc.name+"/"+how, func(b *testing.B) {
				stream := &tally{}
				c := newConn(stream, nil, transport.Info{}, false)
				if how == "compressed" {
					c.useCompression(made((&Compression{Threshold: 1}).share()))
				}
				b.ReportAllocs()
				written := 0
				for i := 0; b.Loop(); i++ {
					n, err := c.Write(writes[i%len(writes)])
					if err != nil {
						b.Fatal(err)
					}
					written += n
				}
				b.SetBytes(int64(written / b.N))
				b.ReportMetric(float64(stream.bytes)/float64(b.N), "wire-B/op")
				b.ReportMetric(float64(written)/float64(stream.bytes), "times-smaller")
			})
		}
	}
}

// A loop is a stream whose peer sends the same bytes without end.
type loop struct {
	recording
	wire []byte
	at   int
}

func (c *loop) Read(p []byte) (int, error) {
	n := copy(p, c.wire[c.at:])
	c.at = (c.at + n) % len(c.wire)
	return n, nil
}

// BenchmarkInflate reads the same JSON from a client, as it is and compressed. One operation is one write of the peer.
func BenchmarkInflate(b *testing.B) {
	for _, tc := range traffics {
		writes := newTraffic().writes(tc.message, tc.words, tc.count)
		for _, how := range []string{"as it is", "compressed"} {
			b.Run(tc.name+"/"+how, func(b *testing.B) {
				stream := &loop{}
				c := newConn(stream, nil, transport.Info{}, false)
				size := 0
				for _, w := range writes {
					size += len(w)
					if how == "compressed" {
						stream.wire = appendCompressed(stream.wire, deflated(string(w), 6))
					} else {
						stream.wire = appendFrame(stream.wire, frame{opBinary, true, string(w)})
					}
				}
				if how == "compressed" {
					c.useCompression(made((&Compression{MaxMessage: -1}).share()))
				}
				buf := make([]byte, 16<<10)
				b.SetBytes(int64(size / len(writes)))
				b.ReportAllocs()
				read := 0
				for i := 1; b.Loop(); i++ {
					for read < i*size/len(writes) {
						n, err := c.Read(buf)
						if err != nil {
							b.Fatal(err)
						}
						read += n
					}
				}
			})
		}
	}
}

// BenchmarkCompressShared writes the same message to a thousand conns, as a broadcast does. One operation is one message to one conn.
func BenchmarkCompressShared(b *testing.B) {
	for _, tc := range traffics[1:4] {
		writes := newTraffic().writes(tc.message, tc.words, tc.count)
		for _, how := range []string{"as it is", "compressed"} {
			b.Run(tc.name+"/"+how, func(b *testing.B) {
				shared := made((&Compression{Threshold: 1}).share())
				shared.recent = &recent{}
				var conns []*conn
				for range 1000 {
					c := newConn(&tally{}, nil, transport.Info{}, false)
					if how == "compressed" {
						c.useCompression(shared)
					}
					conns = append(conns, c)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if _, err := conns[i%len(conns)].Write(writes[i/len(conns)%len(writes)]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCompressNoise writes what does not become smaller, tried each time and as a conn does it.
func BenchmarkCompressNoise(b *testing.B) {
	p := []byte(noise[:60_000])
	for _, how := range []string{"as it is", "tried each time", "compressed"} {
		b.Run(how, func(b *testing.B) {
			c := newConn(&tally{}, nil, transport.Info{}, false)
			if how != "as it is" {
				c.useCompression(made((&Compression{}).share()))
			}
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := c.Write(p); err != nil {
					b.Fatal(err)
				}
				if how == "tried each time" {
					c.deflate.skip = 0
				}
			}
		})
	}
}

// BenchmarkCompressionChoices compares the levels of the compressor, and what a compressor of each connection's own would save
// that remembers the messages before (context takeover). One operation is one write.
func BenchmarkCompressionChoices(b *testing.B) {
	for _, tc := range traffics {
		writes := newTraffic().writes(tc.message, tc.words, tc.count)
		for _, level := range []int{flate.HuffmanOnly, 1, 3, 6, 9} {
			for _, takeover := range []bool{false, true} {
				if takeover && level != 1 && level != 6 {
					continue
				}
				b.Run(fmt.Sprintf("%s/level %d, takeover %t", tc.name, level, takeover), func(b *testing.B) {
					var out bytes.Buffer
					w := made(flate.NewWriter(&out, level))
					written, packed := 0, 0
					for i := 0; b.Loop(); i++ {
						p := writes[i%len(writes)]
						out.Reset()
						if !takeover {
							w.Reset(&out)
						}
						w.Write(p) //nolint:errcheck // out takes everything
						w.Flush()  //nolint:errcheck // out takes everything
						written += len(p)
						packed += out.Len() - flushTail
					}
					b.SetBytes(int64(written / b.N))
					b.ReportMetric(float64(written)/float64(packed), "times-smaller")
				})
			}
		}
	}
}
