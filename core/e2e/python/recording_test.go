//go:build !js

package python_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A recording is what went over the wire between programs of the original. See
// internal/classic/testdata/README.md.
type recording struct {
	Scenario  string
	Version   string
	HeaderLen int `json:"header_len"`
	Events    []struct {
		Conn   int
		Dir    string
		Hex    string
		Len    int
		SHA256 string
		Head   string `json:"head_hex"`
		End    string
		bytes  string
	}
}

// blob is the payload that the recordings leave out.
var blob = "blob " + strings.Repeat(allBytes(), 4096)

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// eachRecording runs f on every recording of 0.0.2.
func eachRecording(t *testing.T, f func(t *testing.T, r *recording)) {
	eachRecordingIn(t, "transcripts", 22, f)
}

func eachRecordingIn(t *testing.T, dir string, count int, f func(t *testing.T, r *recording)) {
	paths, err := filepath.Glob("../../internal/classic/testdata/" + dir + "/*.json")
	require.NoError(t, err)
	require.Len(t, paths, count)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		r := &recording{}
		require.NoError(t, json.Unmarshal(text, r))
		for i := range r.Events {
			e := &r.Events[i]
			b, err := hex.DecodeString(e.Hex + e.Head)
			require.NoError(t, err)
			e.bytes = string(b)
			if e.Len > 0 {
				rest := strings.Repeat(allBytes(), 4096)
				for _, mark := range []string{"blob ", "blob$MSG$"} {
					if i := strings.Index(e.bytes, mark); i > 0 && e.Len-i-len(mark) < len(rest) {
						rest = rest[:e.Len-i-len(mark)]
					}
				}
				if len(e.bytes) < e.Len-len(rest) { // its command is in no field
					rest = oldFrames(blob)
				}
				e.bytes = e.bytes[:e.Len-len(rest)] + rest
				sum := sha256.Sum256([]byte(e.bytes))
				require.Equal(t, e.SHA256, hex.EncodeToString(sum[:]))
			}
		}
		t.Run(r.Scenario, func(t *testing.T) { f(t, r) })
	}
}

// said returns all bytes that went in one direction, by connection.
func (r *recording) said(dir string) map[int]string {
	all := map[int]string{}
	for _, e := range r.Events {
		if e.Dir == dir {
			all[e.Conn] += e.bytes
		}
	}
	return all
}

// addrs returns the clients' addresses, as far as the first client was told them.
func (r *recording) addrs() []string {
	addrs := []string{"127.0.0.1:1"}
	if r.Version >= "2" { // a client is told of itself, too
		addrs = nil
	}
	for _, m := range regexp.MustCompile(`CLTCONN\$ ?{"ip": \["(127.0.0.1)", (\d+)\]`).FindAllStringSubmatch(r.said("s2c")[1], -1) {
		addrs = append(addrs, m[1]+":"+m[2])
	}
	return addrs
}

// A sending is a way to write bytes to the Go end.
type sending func(p *oldPeer, b string)

// inPieces runs f with the recorded pieces, and byte by byte unless there are many.
func (r *recording) inPieces(t *testing.T, f func(t *testing.T, send sending)) {
	t.Run("as it came", func(t *testing.T) { f(t, (*oldPeer).send) })
	if !strings.HasPrefix(r.Scenario, "big_") {
		t.Run("byte at a time", func(t *testing.T) { f(t, (*oldPeer).drip) })
	}
}

// options returns the options of a client that says the hello.
func (r *recording) options(t *testing.T, hello string) *core.ClientOptions {
	t.Helper()
	var who struct{ Name, Group string }
	require.NoError(t, json.Unmarshal([]byte(hello[strings.IndexByte(hello, '{'):]), &who))
	opts := &core.ClientOptions{Name: who.Name, MaxFrame: 2 << 20, Classic: &core.Classic{HeaderLen: r.HeaderLen}}
	if who.Group != "" {
		opts.Groups = []string{who.Group}
	}
	return opts
}
