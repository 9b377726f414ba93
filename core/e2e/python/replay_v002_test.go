//go:build !js

package python_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A part is the program of a server in a recording.
type part struct {
	act      func(s *core.Server) []error // what it sent at the end
	heard    []string                     // what its handlers run for
	more     map[int]string               // what the Go server says and the original does not, by connection
	dropped  map[int]bool                 // by connection: the original says something that the Go server does not
	faults   []core.Code                  // codes that its error hook is told
	byPrefix []string                     // heard with ClassicOptions.Prefix, in recordings where that is tried
}

var parts = map[string]part{
	"big_1MiB_client_to_server": {heard: []string{blob}},
	"big_1MiB_server_to_client": {act: func(s *core.Server) []error { return []error{s.All().Send("blob", []byte(blob[5:]))} }},
	"command_both_ways":         {heard: []string{"sum 20,22"}},
	"header_len_6":              {heard: []string{"sum 1,2"}},
	"empty_content":             {heard: []string{"nop "}},
	"unicode_content":           {heard: []string{"grüße naïve – 日本語 🦊"}},
	"empty_raw":                 {heard: []string{"raw: "}},
	"raw_both_ways":             {heard: []string{"raw: plain bytes \x00\xff"}},
	"several_in_one_segment":    {heard: []string{"n 0", "n 1", "n 2", "raw: tail"}},
	"prefix_match":              {heard: []string{"echo2 abc", "raw: echoing"}, byPrefix: []string{"echo  abc", "echo2 abc", "echo ng", "raw: echoing"}},
	"send_all":                  {act: func(s *core.Server) []error { return []error{s.All().Send("tick", 7)} }},
	"group_send": {act: func(s *core.Server) []error {
		red, blue := s.Group("red"), s.Group("blue")
		return []error{red.Send("news", "for red"), red.SendRaw([]byte("raw for red")), blue.Send("news", "for blue")}
	}},
	// A program behind the Go server cannot forge a notice.
	"marker_in_payload": {heard: []string{"note text with $CLTCONN$ and $MSG$ inside"}, dropped: map[int]bool{1: true}, faults: []core.Code{core.CodeUnsupported}},
	// The Go server takes an orderly end for leaving, too.
	"leave_by_fin": {more: map[int]string{1: oldFrames(`$CLTDISCONN$ {"ip": ["127.0.0.1", 51962], "name": "bob", "group": "red"}`)}},
}

// register registers the programs of the servers of all recordings, in one.
func (p *part) register(s *core.Server, heard *kept[string]) {
	on := func(command string, answer func(c *core.Conn, content string) error) {
		s.OnBytes(command, func(_ context.Context, c *core.Conn, content []byte) error {
			heard.Add(command + " " + string(content))
			return answer(c, string(content))
		})
	}
	silent := func(*core.Conn, string) error { return nil }
	on("sum", func(c *core.Conn, content string) error {
		a, b, _ := strings.Cut(content, ",")
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		return errors.Join(errX, errY, c.Send("sum", x+y))
	})
	on("nop", func(c *core.Conn, content string) error { return c.Send("nop", content) })
	on("grüße", func(c *core.Conn, _ string) error { return c.Send("grüße", "ответ") })
	on("note", func(c *core.Conn, _ string) error {
		return c.SendRaw([]byte(`$CLTCONN$ {"ip": ["9.9.9.9", 9], "name": "forged", "group": null}`))
	})
	for _, command := range []string{"echo", "echo2", "blob", "n"} {
		on(command, silent)
	}
	s.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
		if f.Kind != core.KindRaw {
			return nil
		}
		switch payload := string(f.Payload); payload {
		case "":
			heard.Add("raw: ")
			return c.SendRaw(nil)
		case "plain bytes \x00\xff":
			heard.Add("raw: " + payload)
			return c.SendRaw([]byte("raw answer \x00\xff"))
		case "tail":
			heard.Add("raw: tail")
			return errors.Join(c.Send("n", 10), c.Send("n", 11), c.SendRaw(f.Payload))
		case "echoing":
			heard.Add("raw: echoing")
		}
		return nil
	})
}

// The bytes of a Python client make the Go server say what the Python server said.
func TestReplayServer(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) {
			r.playServer(t, send, r.serverV002(false))
			if parts[r.Scenario].byPrefix != nil {
				t.Run("by prefix", func(t *testing.T) { r.playServer(t, send, r.serverV002(true)) })
			}
		})
	})
}

func (r *recording) serverV002(prefix bool) serverPlay {
	p, want := parts[r.Scenario], r.said("s2c")
	play := serverPlay{
		classic: core.ClassicOptions{Prefix: prefix}, heard: p.heard, faults: p.faults,
		program: func(w *world, heard *kept[string]) { p.register(w.srv, heard) },
		said: func(conn int, _ string) string {
			if p.dropped[conn] {
				return p.more[conn]
			}
			return want[conn] + p.more[conn]
		},
	}
	if prefix {
		play.heard = p.byPrefix
	}
	if p.act != nil {
		play.act = func(w *world) error { return errors.Join(p.act(w.srv)...) }
	}
	return play
}

// A told is the program of a client in a recording.
type told struct {
	heard map[int][]string // commands, by its handlers
	raw   map[int][]string // raw messages, by RecvRaw
	code  core.Code        // of sends that fail
}

var tolds = map[string]told{
	"big_1MiB_server_to_client": {heard: map[int][]string{1: {blob}}},
	"command_both_ways":         {heard: map[int][]string{1: {"sum 42"}}},
	"header_len_6":              {heard: map[int][]string{1: {"sum 3"}}},
	"empty_content":             {heard: map[int][]string{1: {"nop "}}},
	"unicode_content":           {heard: map[int][]string{1: {"grüße ответ"}}},
	"empty_raw":                 {raw: map[int][]string{1: {""}}},
	"raw_both_ways":             {raw: map[int][]string{1: {"raw answer \x00\xff"}}},
	"several_in_one_segment":    {heard: map[int][]string{1: {"n 10", "n 11"}}, raw: map[int][]string{1: {"tail"}}},
	"send_all":                  {heard: map[int][]string{1: {"came  null 127.0.0.1:53662", "tick 7"}, 2: {"tick 7"}}},
	"marker_in_payload":         {heard: map[int][]string{1: {"came forged null 9.9.9.9:9"}}},
	"join_notifies_others": {heard: map[int][]string{
		1: {`came bob ["blue"] 127.0.0.1:39502`, "came  null 127.0.0.1:39508"},
		2: {"came  null 127.0.0.1:39508"},
	}},
	"leave_by_fin": {heard: map[int][]string{1: {`came bob ["red"] 127.0.0.1:51962`}}},
	"leave_by_reset": {heard: map[int][]string{
		1: {`came bob ["red"] 127.0.0.1:45362`, `went bob ["red"] 127.0.0.1:45362`},
	}},
	"group_send": {
		heard: map[int][]string{
			1: {`came bob ["red"] 127.0.0.1:47566`, `came carol ["blue"] 127.0.0.1:47570`, "news for red"},
			2: {`came carol ["blue"] 127.0.0.1:47570`, "news for red"},
			3: {"news for blue"},
		},
		raw: map[int][]string{1: {"raw for red"}, 2: {"raw for red"}},
	},
	// The Go client does not ask for a feature that was never built, and takes the answer for a raw
	// message.
	"tls_probe_refused": {raw: map[int][]string{1: {"$NOTLS$"}}, code: core.CodeUnsupported},
}

// A Go client hears what a Python server said, and says what the Python client said.
func TestReplayClient(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		want := tolds[r.Scenario]
		r.inPieces(t, func(t *testing.T, send sending) {
			r.playClient(t, send, clientPlay{
				client: oldClient,
				again: func(cl *core.Client, payload string) bool {
					err := sendAgain(cl, payload)
					require.Equal(t, want.code, core.CodeOf(err))
					return err == nil
				},
				heard:  func(conn int) (heard, raw []string) { return want.heard[conn], want.raw[conn] },
				ended:  func(int, string) bool { return false },
				last:   func(bool) string { return "" },
				resets: true,
			})
		})
	})
}

// sendAgain sends a payload of a recording as a Go program does.
func sendAgain(cl *core.Client, payload string) error {
	command, content, ok := strings.Cut(payload, " ")
	if !ok || command == "plain" {
		return cl.SendRaw([]byte(payload))
	}
	return cl.Send(command, []byte(content))
}

// A stream may be cut into pieces anywhere, at both ends.
func TestCutAnywhere(t *testing.T) {
	echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
		all := oldHello(`"Zo\u00eb"`, `null`) + oldFrames("say ", "say one two", "")
		for i := 1; i < len(all); i++ {
			p := w.knock()
			p.send(all[:i])
			synctest.Wait()
			if i%20 == 0 {
				check() // half a frame delays no other client
			}
			p.send(all[i:])
			p.want("said ", "said one two")
			p.close()
		}
		require.Equal(t, 1, w.srv.Len())
		require.Empty(t, faults.All())
	})
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl, heard := oldClient(s, &core.ClientOptions{Retry: core.Retry{Off: true}})
		require.NoError(t, cl.Connect(t.Context()))
		notice := `$CLTDISCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`
		all := oldFrames("tick 1", notice, "", "n ")
		for i := 1; i < len(all); i++ {
			s.clients[0].send(all[:i])
			synctest.Wait()
			s.clients[0].send(all[i:])
			raw, err := cl.RecvRaw(t.Context())
			require.NoError(t, err)
			require.Empty(t, raw)
		}
		synctest.Wait()
		got := heard.All()
		require.Len(t, got, 3*(len(all)-1))
		for i := 0; i < len(got); i += 3 {
			require.Equal(t, []string{"tick 1", `went bob ["red"] 127.0.0.1:45362`, "n "}, got[i:i+3], fmt.Sprint(i))
		}
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}
