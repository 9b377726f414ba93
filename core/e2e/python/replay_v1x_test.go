//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/classic"
)

func eachRecordingV1(t *testing.T, f func(t *testing.T, r *recording)) {
	eachRecordingIn(t, "transcripts-1.2", 36, f)
}

// registerV1 registers the programs of the servers of all recordings of 1.2, in one.
func (r *recording) registerV1(w *world, heard *kept[string]) {
	s := w.srv
	on := func(command string, answer func(c *core.Conn, content []byte) error) {
		s.OnBytes(command, func(_ context.Context, c *core.Conn, content []byte) error {
			heard.Add(command + " " + string(content))
			return answer(c, content)
		})
	}
	if r.Scenario == "join_greeting" {
		s.OnJoin(func(c *core.Conn) { c.Send("welcome", "hi "+c.Name()) }) //nolint:errcheck // seen in what it gets
	}
	on("sum", func(c *core.Conn, content []byte) error {
		a, b, _ := strings.Cut(string(content), ",")
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		return errors.Join(errX, errY, c.Send("sum", x+y))
	})
	for _, command := range []string{"nop", "bye", "note", "é"} {
		on(command, func(c *core.Conn, content []byte) error { return c.SendBytes(command, content) })
	}
	on("echo", func(c *core.Conn, content []byte) error {
		return c.Send("echo", strings.ReplaceAll(strings.ReplaceAll(string(content), "grü", "GRÜ"), "ße", "SSE"))
	})
	on("blob", func(c *core.Conn, content []byte) error {
		if len(content) > 32<<10 {
			return nil
		}
		return c.SendBytes("blob", content)
	})
	on("n", func(c *core.Conn, content []byte) error { return c.Send("n", "1"+string(content)) })
	on("kick", func(*core.Conn, []byte) error { w.conn("alice").Close(); return nil })
	on("stop", func(*core.Conn, []byte) error { s.DisconnectAll(core.NewError(core.CodeClosed, "")); return nil })
	on("go", func(c *core.Conn, _ []byte) error { return r.goV1(s, c) })
	s.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			heard.Add("raw: " + string(f.Payload))
		}
		return nil
	})
	s.OnAny(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		heard.Add(f.Command + " " + string(f.Payload))
		return nil
	})
}

// addrsV1 is addrs with the address of the first client, if anybody was told it.
func (r *recording) addrsV1() []string {
	addrs := r.addrs()
	for _, m := range regexp.MustCompile(`(?:CLTDISCONN\$ |\d +){"ip": \["(127.0.0.1)", (\d+)\]`).FindAllStringSubmatch(r.said("s2c")[2], -1) {
		addrs[0] = m[1] + ":" + m[2]
	}
	return addrs
}

// goV1 does what the server did when it was told to go.
func (r *recording) goV1(s *core.Server, c *core.Conn) error {
	switch r.Scenario {
	case "raw_both_ways":
		return c.SendRaw([]byte("raw from server"))
	case "big_1MiB_server_to_client":
		return c.SendBytes("blob", []byte(blob[5:]))
	case "send_all":
		return errors.Join(s.All().Send("news", "for all"), s.All().Send("bare", nil))
	case "group_send":
		red, blue := s.Group("red"), s.Group("blue")
		return errors.Join(red.Send("news", "for red"), red.SendRaw([]byte("raw for red")), blue.Send("news", "for blue"))
	}
	dict := json.RawMessage(`{"k": 1, "m": [2, 3], "n": {"z": "y"}}`)
	return errors.Join(c.Send("v_bytes", []byte("\x00\xffabc")), c.Send("v_str", "naïve 日本 🦊"), c.Send("v_int", "-12345678901234567890"), c.Send("v_float", 3.5),
		c.SendBytes("v_list", []byte(`[1, "two", 4.5, null, true]`)), c.SendBytes("v_dict", dict), c.SendBytes("w_json", []byte(`{"a": null}`)),
		c.Send("w_empty", map[string]int{}), c.SendBytes("w_keys", []byte(`{"1": "a", "null": true}`)), c.Send("w_spaces", " +1_000 "),
		c.SendBytes("w_object", []byte(`{"a": 1}`)), c.Send("w_nothing", nil))
}

// heardV1 returns what the server's handlers run for: each command and each raw message, and
// nothing else.
func (r *recording) heardV1() (heard []string) {
	joined := map[int]bool{}
	for _, e := range r.Events {
		if e.Dir != "c2s" {
			continue
		}
		for b := []byte(e.bytes); len(b) > 0; {
			payload, size, _, _ := classic.NextWish(b, r.HeaderLen, 2<<20)
			text := string(payload)
			switch first, _, found := strings.Cut(text, " "); {
			case !joined[e.Conn], strings.HasPrefix(text, "$"):
			case found && first != "":
				heard = append(heard, text)
			default:
				heard = append(heard, "raw: "+text)
			}
			joined[e.Conn] = true
			b = b[size:]
		}
	}
	return heard
}

// The bytes of a client of 1.2 make the Go server say what the server of 1.2 said.
func TestV1ReplayServer(t *testing.T) {
	eachRecordingV1(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) { r.playServer(t, send, r.serverV1(t)) })
	})
}

func (r *recording) serverV1(t *testing.T) serverPlay {
	want := r.said("s2c")
	return serverPlay{
		program: r.registerV1, addrs: r.addrsV1(), heard: r.heardV1(),
		state: func(w *world, left []core.Code) {
			switch r.Scenario {
			case "change_name_and_group":
				require.Equal(t, []string{"bob"}, w.srv.Names(), "alice has an empty name")
				require.Equal(t, 1, w.srv.Group("blue").Len())
			case "change_name_none_unframed":
				require.Empty(t, w.srv.Names())
			case "change_group_none_unframed":
				require.Empty(t, w.srv.Groups())
			case "leave_by_reset": // a stream that breaks off in a test is not reset like a socket
				require.Equal(t, []core.Code{core.CodeConnLost}, left)
			default:
				for _, code := range left {
					require.Equal(t, core.CodeClosed, code)
				}
			}
		},
		said: func(conn int, got string) string {
			switch {
			case r.Scenario == "change_name_and_group" && conn == 2: // the Go server tells the others
				require.Equal(t, 3, strings.Count(got, "$CLTCONN$"))
				return got
			case r.Scenario == "unicode_command": // the content gets the rest of the name there
				return oldFrames("é abc")
			}
			return want[conn]
		},
	}
}

// toldV1 returns what a client hears of a recording: notices and commands by its handlers, the rest
// by RecvRaw.
func (r *recording) toldV1(conn int) (heard, raw []string) {
	for b := []byte(r.said("s2c")[conn]); len(b) > 0; {
		payload, size, _, _ := classic.Next(b, r.HeaderLen, 2<<20)
		b = b[size:]
		text := string(payload)
		switch first, _, found := strings.Cut(text, " "); {
		case strings.HasPrefix(text, "{"), text == "$DISCONN$":
		case first == "$CLTCONN$", first == "$CLTDISCONN$":
			heard = append(heard, noticeText(text))
		case found && first != "":
			heard = append(heard, text)
		default:
			raw = append(raw, text)
		}
	}
	return heard, raw
}

// noticeText returns a notice in the form of listening.
func noticeText(payload string) string {
	what := "came "
	if strings.HasPrefix(payload, "$CLTDISCONN$") {
		what = "went "
	}
	var who struct {
		IP    []any
		Name  string
		Group *string
	}
	if err := json.Unmarshal([]byte(payload[strings.IndexByte(payload, '{'):]), &who); err != nil {
		return err.Error()
	}
	groups := "null"
	if who.Group != nil {
		groups = `["` + *who.Group + `"]`
	}
	port := strconv.Itoa(int(who.IP[1].(float64)))
	return what + who.Name + " " + groups + " " + who.IP[0].(string) + ":" + port
}

// A Go client hears what a server of 1.2 said, and says what the client of 1.2 said.
func TestV1ReplayClient(t *testing.T) {
	eachRecordingV1(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) {
			r.playClient12(t, send, core.Dialect1x, r.toldV1)
		})
	})
}

// playClient12 plays a recording of 1.2 or 2.0.2 to Go clients.
func (r *recording) playClient12(t *testing.T, send sending, d core.Dialect, heard func(conn int) (heard, raw []string)) {
	var records kept[string]
	r.playClient(t, send, clientPlay{
		client: func(s *oldServer, opts *core.ClientOptions) (*core.Client, *listening) { return client12(s, opts, d) },
		again: func(cl *core.Client, payload string) bool {
			who, ok := strings.CutPrefix(payload, "$GETCLT$")
			if !ok {
				return r.saysAgain(t, cl, payload)
			}
			go func() {
				who := strings.TrimPrefix(who, " ")
				p, err := cl.Record(context.Background(), who)
				records.Add(who + ": " + p.Name + " " + p.Addr + " " + core.CodeOf(err).String())
			}()
			synctest.Wait()
			return true
		},
		answers: map[string]string{"$KEEPALIVE$": "$KEEPACK$"},
		heard:   heard,
		ended:   func(_ int, got string) bool { return strings.Contains(got, r.frame("$DISCONN$")) },
		last: func(ended bool) string {
			if ended && d != core.Dialect1x {
				return ""
			}
			return r.frame("$USRCLOSE$")
		},
	})
	require.Equal(t, records12[r.Version+" "+r.Scenario], records.All())
}

// records12 has, by release and scenario, the records that clients got. The server of 2.0.2 fails to
// answer; in the last scenario the server was no Python program.
var records12 = map[string][]string{
	"1.2 get_client":   {"bob: bob 127.0.0.1:59728 none", "nobody:   unknown client", "127.0.0.1:9:   unknown client"},
	"2.0.2 get_client": {"bob:   internal error", "nobody:   internal error", "('127.0.0.1', 9):   internal error"},
	"2.0.2 get_client_answered_as_command": {
		"bob: bob 127.0.0.1:40001 none", "zoe: zoe 127.0.0.1:40002 none", "nobody:   unknown client",
	},
}

// saysAgain sends a payload of a recording, if the library has an API for it.
func (r *recording) saysAgain(t *testing.T, cl *core.Client, payload string) bool {
	if strings.HasPrefix(payload, "$CMD$") {
		name, content := classic.SplitPlain([]byte(payload))
		err := cl.SendBytes(string(name), content)
		if strings.IndexByte("CMD", name[0]) >= 0 {
			require.Equal(t, core.CodeBadName, core.CodeOf(err))
			return false
		}
		require.NoError(t, err)
		return true
	}
	if strings.HasPrefix(payload, "$") {
		return false
	}
	command, content, ok := strings.Cut(payload, " ")
	if ok && command != "" && cl.Conn().Dialect() == core.Dialect1x {
		require.NoError(t, cl.SendBytes(command, []byte(content)))
		return true
	}
	err := cl.SendRaw([]byte(payload))
	require.Equal(t, cl.Conn().Dialect() != core.Dialect1x, core.CodeOf(err) == core.CodeUnsupported)
	return err == nil
}

// client12 returns a client of the dialect that records all that it hears.
func client12(s *oldServer, opts *core.ClientOptions, d core.Dialect) (*core.Client, *listening) {
	opts.Codec, opts.Retry.Off, opts.Classic.Dialect = testCodec{}, true, d
	cl := harness.NewClient(s, opts)
	l := listenTo(cl)
	l.commands(cl)
	return cl, l
}
