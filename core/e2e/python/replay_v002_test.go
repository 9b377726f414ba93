//go:build !js

package python_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A part is what a server's program did in a recording.
type part struct {
	act      func(s *core.Server) []error // what it sent when all had come
	heard    []string                     // what its handlers are run for
	more     map[int]string               // what ours says beyond the original, by connection
	dropped  map[int]bool                 // what the original says and ours does not
	code     core.Code                    // what its error hook is told
	byPrefix []string                     // heard with ClassicPrefix, where that is tried
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
	// A program behind our server cannot forge a notice.
	"marker_in_payload": {heard: []string{"note text with $CLTCONN$ and $MSG$ inside"}, dropped: map[int]bool{1: true}, code: core.CodeUnsupported},
	// For ours an orderly end is leaving, too.
	"leave_by_fin": {more: map[int]string{1: oldFrames(`$CLTDISCONN$ {"ip": ["127.0.0.1", 51962], "name": "bob", "group": "red"}`)}},
}

// register is the program that the servers of the recordings ran, all of them in one.
func (p *part) register(s *core.Server, heard *kept[string]) {
	on := func(command string, answer func(c *core.Conn, content string) error) {
		s.OnBytes(command, func(_ context.Context, c *core.Conn, content []byte) error {
			heard.add(command + " " + string(content))
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
			heard.add("raw: ")
			return c.SendRaw(nil)
		case "plain bytes \x00\xff":
			heard.add("raw: " + payload)
			return c.SendRaw([]byte("raw answer \x00\xff"))
		case "tail":
			heard.add("raw: tail")
			return errors.Join(c.Send("n", 10), c.Send("n", 11), c.SendRaw(f.Payload))
		case "echoing":
			heard.add("raw: echoing")
		}
		return nil
	})
}

// What a Python client sent makes ours say what the Python server said.
func TestReplayServer(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) {
			t.Run("by word", func(t *testing.T) { r.replayServer(t, false, send) })
			if parts[r.Scenario].byPrefix != nil {
				t.Run("by prefix", func(t *testing.T) { r.replayServer(t, true, send) })
			}
		})
	})
}

func (r *recording) replayServer(t *testing.T, prefix bool, send sending) {
	p := parts[r.Scenario]
	heard := p.heard
	if prefix {
		heard = p.byPrefix
	}
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: r.HeaderLen, Prefix: prefix}, Limits: core.Limits{MaxFrame: 2 << 20}}, func(w *world) {
		var got, left kept[string]
		var faults kept[core.Code]
		w.srv.OnError(func(_ *core.Conn, err error) { faults.add(core.CodeOf(err)) })
		w.srv.OnLeave(func(c *core.Conn, _ error) { left.add(c.Name()) })
		p.register(w.srv, &got)
		lis := w.tapped(r.addrs()...)

		peers := map[int]*oldPeer{}
		for _, e := range r.Events {
			c := peers[e.Conn]
			switch {
			case e.Dir == "s2c":
				continue
			case c == nil:
				c = w.knock()
				peers[e.Conn] = c
			}
			if e.End == "" {
				send(c, e.bytes)
			} else {
				lis.conns[e.Conn-1].broken.Store(e.End == "reset")
				c.close()
				require.Equal(t, []string{"bob"}, left.all())
			}
			synctest.Wait()
		}
		if p.act != nil {
			require.NoError(t, errors.Join(p.act(w.srv)...))
		}
		want := r.said("s2c")
		for conn, c := range peers {
			if p.dropped[conn] {
				want[conn] = ""
			}
			requireSame(t, want[conn]+p.more[conn], c.take())
			lis.conns[conn-1].requireWhole(t, r.HeaderLen)
		}
		require.Equal(t, heard, got.all())
		if p.code == 0 {
			require.Empty(t, faults.all())
		} else {
			require.Equal(t, []core.Code{p.code}, faults.all())
		}
	})
}
