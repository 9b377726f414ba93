//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/classic"
)

func eachRecordingV2(t *testing.T, f func(t *testing.T, r *recording)) {
	eachRecordingIn(t, "transcripts-2.0.2", 34, f)
}

// registerV2 registers the programs of the servers of all recordings of 2.0.2, in one.
func (r *recording) registerV2(w *world, heard *kept[string]) {
	s := w.srv
	on := func(command string, answer func(c *core.Conn, content []byte) error) {
		s.OnBytes(command, func(_ context.Context, c *core.Conn, content []byte) error { return answer(c, content) })
	}
	if r.Scenario == "join_greeting" {
		s.OnJoin(func(c *core.Conn) { c.Send("welcome", "hi "+c.Name()) }) //nolint:errcheck // seen in what it gets
	}
	core.On(s, "sum", func(_ context.Context, c *core.Conn, in []int) error { return c.Send("sum", in[0]+in[1]) })
	core.On(s, "number", func(_ context.Context, _ *core.Conn, n int) error { heard.Add("number"); return nil })
	core.On(s, "n", func(_ context.Context, c *core.Conn, n int) error { return c.Send("n", 10+n) })
	for _, command := range []string{"echo", "bye", "note", "blob"} {
		on(command, func(c *core.Conn, content []byte) error {
			if len(content) > 32<<10 {
				return nil
			}
			return c.SendBytes(command, content)
		})
	}
	on("ping", func(c *core.Conn, _ []byte) error { return c.Send("pong", nil) })
	on("écho", func(c *core.Conn, _ []byte) error { return c.Send("écho", "GRÜSSE 🦊") })
	on("kick", func(*core.Conn, []byte) error { w.conn("alice").Close(); return nil })
	on("stop", func(*core.Conn, []byte) error { s.DisconnectAll(core.NewError(core.CodeClosed, "")); return nil })
	on("go", func(c *core.Conn, _ []byte) error { return r.goV2(s, c) })
	s.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			heard.Add("raw: " + string(f.Payload))
		} else {
			heard.Add(f.Command + " " + string(f.Payload))
		}
		return nil
	})
	s.OnAny(func(context.Context, *core.Conn, core.Frame) error { return nil })
}

// goV2 does what the server did when it was told to go.
func (r *recording) goV2(s *core.Server, c *core.Conn) error {
	switch r.Scenario {
	case "message_without_marker":
		if core.CodeOf(c.SendRaw([]byte("loose from server"))) != core.CodeUnsupported {
			return errors.New("a raw message was sent")
		}
		return nil
	case "big_1MiB_server_to_client":
		return c.SendBytes("blob", []byte(blob[5:]))
	case "send_all":
		return errors.Join(s.All().Send("news", "for all"), s.All().Send("bare", nil))
	case "group_send":
		return errors.Join(s.Group("red").Send("news", "for red"), s.Group("blue").Send("news", "for blue"))
	}
	return errors.Join(contentV2(func(command string, v any) error { return c.Send(command, v) })...)
}

// contentV2 sends the values of content_types as a Go program does.
func contentV2(send func(command string, v any) error) []error {
	dict, whole := json.RawMessage(`{"k":1,"m":[2,3],"n":{"z":"y"}}`), json.RawMessage("-12345678901234567890")
	return []error{
		send("v_bytes", []byte("\x00\xffabc")), send("v_str", "naïve 日本 🦊"), send("v_int", whole), send("v_float", 3.5), send("v_float_big", 1e100),
		send("v_true", true), send("v_false", false), send("v_none", nil), send("v_list", []any{1, "two", 4.5, nil, true}), send("v_dict", dict),
		send("v_nested", []any{[]int{1, 2}, []any{"a", map[string]any{"b": nil}}}), send("v_empty_bytes", []byte{}), send("v_empty_str", ""),
		send("v_zero", 0), send("v_zero_float", 0.0), send("v_empty_list", []int{}), send("v_empty_dict", map[string]int{}),
		send("v_int_keys", map[int]string{1: "a", 2: "b"}), send("v_tuple_in_list", [][]int{{1, 2}, {3}}), send("v_unicode_list", []string{"é", "日本"}),
		send("v_float_to_int", 2.75), send("v_int_to_float", 7), send("v_list_to_str", []int{1, 2}),
	}
}

// payloads12 returns the payloads that went one way over a connection.
func (r *recording) payloads12(dir string, conn int) (all []string) {
	for b := []byte(r.said(dir)[conn]); len(b) > 0; {
		payload, size, _, _ := classic.Next(b, r.HeaderLen, 2<<20)
		all, b = append(all, string(payload)), b[size:]
	}
	return all
}

// wantV2 returns what the Go server says to a client where the server of 2.0.2 said what was recorded. known
// says that the server knows the client's dialect. Otherwise commands are held back from a client that has
// sent none.
func (r *recording) wantV2(conn int, known bool) (want string) {
	talks := strings.Contains(r.said("c2s")[conn], "$CMD$")
	for _, payload := range r.payloads12("s2c", conn) {
		isNotice := strings.HasPrefix(payload, "$CLT")
		switch {
		case payload == "loose from server", strings.HasPrefix(payload, "{"): // see toldV2 and TestV2Record
			continue
		case payload == "$DISCONN$" && (strings.HasPrefix(r.Scenario, "leave_") || strings.HasPrefix(r.Scenario, "big_") || strings.HasSuffix(want, payload)):
			continue // the Go server says no goodbye to a client that has left, and no second one
		case r.Scenario == "server_disconnects_client_forced" && strings.HasPrefix(payload, "$CLTDISCONN$"):
		case !known && !isNotice && !talks && strings.HasPrefix(payload, "$CMD$"):
			continue
		}
		if isNotice && !known && !(talks && r.settledBefore(conn, payload)) {
			payload = strings.Replace(payload, "${", "$ {", 1)
		}
		want += string(classic.AppendFrame(nil, r.HeaderLen, []byte(payload)))
	}
	if conn == 1 && r.Scenario == "server_disconnects_client_forced" || conn == 2 && r.Scenario == "keepalive" { // the Go server never goes without a goodbye
		want += oldFrames("$DISCONN$")
	}
	return want
}

// settledBefore reports whether the client had sent a command before the server sent payload.
func (r *recording) settledBefore(conn int, payload string) bool {
	settled := false
	for _, e := range r.Events {
		if e.Conn != conn {
			continue
		}
		settled = settled || e.Dir == "c2s" && strings.Contains(e.bytes, "$CMD$")
		if e.Dir == "s2c" && strings.Contains(e.bytes, payload) {
			return settled && !strings.HasPrefix(e.bytes[r.HeaderLen:], payload) || settled && r.Scenario != "several_in_one_segment"
		}
	}
	return false
}

// The bytes of a client of 2.0.2 make the Go server say what the server of 2.0.2 said, whether the server
// is told its clients' dialect or finds it out.
func TestV2ReplayServer(t *testing.T) {
	eachRecordingV2(t, func(t *testing.T, r *recording) {
		for name, speaks := range map[string]core.Dialect{"told": core.Dialect2x, "found out": 0} {
			t.Run(name, func(t *testing.T) {
				r.inPieces(t, func(t *testing.T, send sending) { r.playServer(t, send, r.serverV2(t, speaks)) })
			})
		}
	})
}

func (r *recording) serverV2(t *testing.T, speaks core.Dialect) serverPlay {
	play := serverPlay{
		classic: core.ClassicOptions{Unknown: speaks}, program: r.registerV2, heard: r.heardV2(speaks != 0),
		delay: func(sent string) time.Duration {
			switch { // the sweeper has looked by then
			case strings.Contains(sent, "$KEEPACK$"):
				return 34 * time.Second
			case r.Scenario == "keepalive" && strings.Contains(sent, "done"):
				return 30*time.Second + 500*time.Millisecond
			}
			return 0
		},
		state: func(w *world, _ []core.Code) {
			if r.Scenario == "change_name_and_group" {
				require.Equal(t, []string{"alice", "bob"}, w.srv.Names(), "nothing behind the marker keeps the name")
				require.Equal(t, []string{"red"}, w.srv.Groups())
			}
		},
		said: func(conn int, got string) string {
			switch r.Scenario {
			case "change_name_and_group": // the Go server tells the others
				if conn == 2 {
					require.Equal(t, 4, strings.Count(got, "$CLTCONN$"))
					return got
				}
			case "hello_with_space": // the Go server takes this for a client of 0.0.2
				return got
			case "get_client", "get_client_answered_as_command": // see TestV2Record
				return got
			}
			return r.wantV2(conn, speaks != 0)
		},
	}
	if r.Scenario == "keepalive" {
		play.faults = []core.Code{core.CodeHeartbeat}
	}
	return play
}

// heardV2 returns what the server's handlers run for.
func (r *recording) heardV2(known bool) (heard []string) {
	joined := map[int]bool{}
	for _, e := range r.Events {
		if e.Dir != "c2s" {
			continue
		}
		for b := []byte(e.bytes); len(b) > 0; {
			payload, size, _, _ := classic.Next(b, r.HeaderLen, 2<<20)
			b = b[size:]
			switch k, _ := classic.PlainKind(payload, true); {
			case !joined[e.Conn]:
			case k == classic.KindLoose && (known || r.Scenario == "hello_with_space"):
				heard = append(heard, "raw: "+string(payload))
			case k == classic.KindLoose: // it may be a command of 3.0a
				heard = append(heard, string(payload)+" ")
			case k == classic.KindCommand:
				name, content := classic.SplitPlain(payload)
				if string(name) == "number" {
					heard = append(heard, "number")
				}
				heard = append(heard, string(name)+" "+string(content))
			}
			joined[e.Conn] = true
		}
	}
	if r.Scenario == "hello_with_space" {
		return []string{"echo hi"}
	}
	return heard
}

// toldV2 returns what a client hears of a recording.
func (r *recording) toldV2(conn int) (heard, raw []string) {
	greeted := false
	for _, payload := range r.payloads12("s2c", conn) {
		switch k, _ := classic.PlainKind([]byte(payload), false); k {
		case classic.KindNotice:
			if greeted || r.Scenario == "join_empty_strings" { // the Go client has said null, so the notice seems to be about another client
				heard = append(heard, noticeText(payload))
			}
			greeted = true
		case classic.KindCommand:
			name, content := classic.SplitPlain([]byte(payload))
			if string(name) != classic.RecordCommand {
				heard = append(heard, string(name)+" "+string(content))
			}
		case classic.KindLoose:
			raw = append(raw, payload)
		}
	}
	return heard, raw
}

// A Go client hears what a server of 2.0.2 said, and says what the client of 2.0.2 said.
func TestV2ReplayClient(t *testing.T) {
	eachRecordingV2(t, func(t *testing.T, r *recording) {
		if r.Scenario == "hello_with_space" {
			return // the Go client says hello as 2.0.2 does
		}
		replay := func(t *testing.T, send sending) {
			r.playClient12(t, send, core.Dialect2x, r.toldV2)
		}
		if r.Scenario == "server_closes" { // the second of two goodbyes comes when the Go client has gone
			replay(t, (*oldPeer).send)
			return
		}
		r.inPieces(t, replay)
	})
}
