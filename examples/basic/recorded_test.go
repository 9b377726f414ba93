package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recording has the bytes between programs of the original; see core/internal/classic/testdata/README.md.
// No recording is of the original's example programs. The hellos, notices, raw messages and commands come
// from recordings, and the tests add the greeting and processing1.
type recording struct {
	Scenario  string
	HeaderLen int `json:"header_len"`
	Events    []struct {
		Conn int
		Dir  string
		Hex  string
		End  string
	}
}

// unfit are the recordings that do not fit these programs, with the reason.
var unfit = map[string]string{
	"big_1MiB_client_to_server": "not recorded in full, and more than the server reads",
	"big_1MiB_server_to_client": "not recorded in full",
	"header_len_6":              "the programs have no option for that",
}

// own are the frames that the program of the recorded server sent, not its library. The example server
// has another program.
var own = map[string][]string{
	"command_both_ways": {"sum 42"},
	"empty_content":     {"nop "},
	"empty_raw":         {""},
	"group_send":        {"news for red", "raw for red", "news for blue"},
	"marker_in_payload": {`$CLTCONN$ {"ip": ["9.9.9.9", 9], "name": "forged", "group": null}`},
	"raw_both_ways":     {"raw answer \x00\xff"},

	"send_all":               {"tick 7"},
	"several_in_one_segment": {"n 10", "n 11", "tail"},
	"unicode_content":        {"grüße ответ"},
}

// eachRecording runs f for every recording that fits.
func eachRecording(t *testing.T, f func(t *testing.T, r *recording)) {
	t.Helper()
	paths, err := filepath.Glob("../../core/internal/classic/testdata/transcripts/*.json")
	require.NoError(t, err)
	require.Len(t, paths, 22)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		r := &recording{}
		require.NoError(t, json.Unmarshal(text, r))
		if unfit[r.Scenario] == "" {
			t.Run(r.Scenario, func(t *testing.T) { f(t, r) })
		}
	}
}

// said returns the frames in one direction of a connection.
func (r *recording) said(t *testing.T, conn int, dir string) (payloads []string) {
	t.Helper()
	var all []byte
	for _, e := range r.Events {
		if e.Conn == conn && e.Dir == dir {
			b, err := hex.DecodeString(e.Hex)
			require.NoError(t, err)
			all = append(all, b...)
		}
	}
	for len(all) > 0 {
		size, err := strconv.Atoi(strings.TrimSpace(string(all[:r.HeaderLen])))
		require.NoError(t, err)
		all = all[r.HeaderLen:]
		payloads = append(payloads, string(all[:size]))
		all = all[size:]
	}
	return payloads
}

// byLibrary returns the frames of a server without the frames in own.
func (r *recording) byLibrary(t *testing.T, conn int) (payloads []string) {
	t.Helper()
	for _, payload := range r.said(t, conn, "s2c") {
		if !slices.Contains(own[r.Scenario], payload) {
			payloads = append(payloads, payload)
		}
	}
	return payloads
}

// The time of a greeting and the port in a notice differ in each run.
var (
	greeting = regexp.MustCompile(`^hello_message \d+\.\d+$`)
	port     = regexp.MustCompile(`^(\$CLT(?:DIS)?CONN\$ \{"ip": \["127\.0\.0\.1", )\d+\]`)
)

func masked(payload string) string {
	return port.ReplaceAllString(greeting.ReplaceAllString(payload, "hello_message <time>"), "${1}<port>]")
}

// The example server gets the recorded bytes of a Python client, and sends the same as the recorded
// Python server. It also greets and computes.
func TestOriginalExamplesServer(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		server, port := startServer(t)
		peers, got := map[int]peer{}, map[int][]string{}
		take := func(conn int) {
			got[conn] = append(got[conn], masked(peers[conn].frame()))
		}
		want := map[int][]string{}
		left := map[int]bool{}
		for _, e := range r.Events {
			if e.Dir == "s2c" {
				continue
			}
			p, there := peers[e.Conn]
			if !there {
				c, err := net.Dial("tcp", "127.0.0.1:"+port)
				require.NoError(t, err)
				p = newPeer(t, c)
				peers[e.Conn] = p
			}
			switch e.End {
			case "":
				b, err := hex.DecodeString(e.Hex)
				require.NoError(t, err)
				p.sends(string(b))
			case "reset":
				require.NoError(t, p.SetLinger(0))
				require.NoError(t, p.Close())
				left[e.Conn] = true
			case "fin":
				require.NoError(t, p.Close())
				left[e.Conn] = true
				// The original does not tell others of an orderly end. The example server does.
				want[1] = append(want[1], `$CLTDISCONN$ {"ip": ["127.0.0.1", <port>], "name": "bob", "group": "red"}`)
			}
			if !there {
				take(e.Conn) // the next hello is sent when this client is in
				require.Equal(t, []string{"hello_message <time>"}, got[e.Conn])
			}
		}
		for conn, p := range peers {
			recorded := []string{"hello_message <time>"}
			for _, payload := range r.byLibrary(t, conn) {
				recorded = append(recorded, masked(payload))
			}
			if left[conn] {
				require.Equal(t, recorded, got[conn])
				continue
			}
			recorded = append(recorded, want[conn]...)
			for len(got[conn]) < len(recorded) {
				take(conn)
			}
			require.Equal(t, recorded, got[conn])
			p.sends("17              processing1 20+22")
			p.gets("2               42") // and nothing before it
		}
		require.Empty(t, server.Err.String())
	})
}

// The example client sends the same as a recorded Python client when it joins, and accepts the recorded bytes
// of the Python server.
func TestOriginalExamplesClient(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		conns := map[int]bool{}
		for _, e := range r.Events {
			conns[e.Conn] = true
		}
		for conn := range conns {
			t.Run(strconv.Itoa(conn), func(t *testing.T) { r.replayClient(t, conn) })
		}
	})
}

func (r *recording) replayClient(t *testing.T, conn int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	hello := r.said(t, conn, "c2s")[0]
	var who struct{ Name, Group string } // null is as empty
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(hello, "$CLTHELLO$ ")), &who))

	client := start(t, []string{"client", "-classic"}, "", port, who.Name, who.Group)
	c, err := l.Accept()
	require.NoError(t, err)
	server := newPeer(t, c)
	if r.Scenario == "join_empty_strings" {
		hello = `$CLTHELLO$ {"name": null, "group": null}` // nothing was typed
	}
	server.gets(frame(hello))
	server.sends("27              hello_message 1632150000.25")
	require.Equal(t, "processing1 randnum**2", server.frame())

	// In the protocol a result looks like any other message without a handler.
	var results []string
	for _, e := range r.Events {
		if e.Conn == conn && e.Dir == "s2c" {
			b, err := hex.DecodeString(e.Hex)
			require.NoError(t, err)
			server.sends(string(b))
		}
	}
	for _, payload := range r.said(t, conn, "s2c") {
		if !strings.HasPrefix(payload, "$CLT") {
			results = append(results, payload)
		}
	}
	server.sends("4               last")
	results = append(results, "last")
	client.Prints(`\nType something else`)
	for i := range results[1:] {
		client.Say("1+" + strconv.Itoa(i))
		require.Equal(t, "processing1 1+"+strconv.Itoa(i), server.frame())
	}
	client.EOF()
	client.Ends(exitOK)
	var printed []string
	for _, m := range regexp.MustCompile(`(?m)(?:\*\*2|\+\d) = (.*)$`).FindAllStringSubmatch(client.Out.String(), -1) {
		printed = append(printed, m[1])
	}
	for i := range results {
		results[i] = plain(results[i])
	}
	require.Equal(t, results, printed)
	require.Empty(t, client.Err.String())
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET, "nothing more is said, and no orderly end")
}

// frame returns a payload with its header.
func frame(payload string) string {
	return fmt.Sprintf("%-16d%s", len(payload), payload)
}
