//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/classic"
)

func eachRecordingV3(t *testing.T, f func(t *testing.T, r *recording)) {
	eachRecordingIn(t, "transcripts-3.0a", 22, f)
}

// A partV3 is the program of a server in a recording of 3.0a.
type partV3 struct {
	act   func(w *world) []error // what it did at the end
	heard []string               // what its handlers run for
	drops map[int]string         // what the original says and the Go server does not, by connection
	codes []core.Code            // codes that its error hook is told
}

// values are the values of typed_values, as handlers get them.
var values = []string{
	"v_bytes \x00\xffabc", "v_str naïve 日本 🦊", "v_int -12345678901234567890", "v_float 3.5", `v_list [1,"two","Mw==",4.5]`,
	`v_tuple [1,"a"]`, `v_dict {"k":1,"m":[2,3],"n":{"z":"y"}}`, `v_nested [[1,2],["a",{"b":"Yw=="}]]`, "v_empty_bytes ", "v_empty_str ",
	"v_empty_list []", "v_empty_dict {}", `v_int_keys {"1":"a","2":"Yg=="}`, "v_tuple_in_list [[1,2],[3]]", "v_list_one [7]", "v_none ",
}

// sendValues sends the values of typed_values_from_server as a Go program does.
func sendValues(send func(command string, v any) error) []error {
	text, list := json.RawMessage(`{"k":1,"m":[2,3],"n":{"z":"y"}}`), []any{1, "two", []byte("3"), 4.5}
	return []error{
		send("v_bytes", []byte("\x00\xffabc")), send("v_str", "naïve 日本 🦊"), send("v_int", json.RawMessage("-12345678901234567890")),
		send("v_float", 3.5), send("v_list", list), send("v_tuple", []any{1, "a"}), send("v_dict", text),
		send("v_nested", []any{[]int{1, 2}, []any{"a", map[string]any{"b": []byte("c")}}}), send("v_empty_bytes", []byte{}), send("v_empty_str", ""),
		send("v_empty_list", []int{}), send("v_empty_dict", map[string]int{}), send("v_int_keys", map[int]any{1: "a", 2: []byte("b")}),
		send("v_tuple_in_list", [][]int{{1, 2}, {3}}), send("v_list_one", []int{7}), send("v_none", nil),
	}
}

// goes maps bodies of Python programs to the bodies that the library writes for the same values:
// tuples, keys that are no texts, and bytes in a list or map, which JSON has in base64.
var goes = map[string]string{
	"9       l1i3s1b4f1two3@\x90\x00\x00": "9       l1i3s4s4f1twoMw==@\x90\x00\x00",
	"5       t1i1s1a":                     "5       l1i1s1a",
	"20      l2[1i1i]3[1s2{1s1b}]12abc":   "20      l2[1i1i]6[1s5{1s4s}]12abYw==",
	"9       d1i1s1i1b1a2b":               "9       d1s1s1s4s1a2Yg==",
	"13      l2(1i1i)1(1i)123":            "13      l2[1i1i]1[1i]123",
}

// ours returns what the library writes where a Python program wrote payload. It always writes a
// header.
func (r *recording) ours(payload string) string {
	if strings.HasPrefix(payload, "{") { // the record of a client, which a client can only read as a command
		who, _, err := classic.ParseRecord([]byte(payload))
		if err != nil {
			return err.Error()
		}
		return string(classic.AppendRecordTyped(nil, r.HeaderLen, &who))
	}
	name, body := classic.SplitTyped([]byte(payload))
	if here, ok := goes[string(body)]; ok {
		payload = "$CMD$" + string(name) + "$MSG$" + here
	}
	return string(classic.AppendFrame(nil, r.HeaderLen, []byte(payload)))
}

var partsV3 = map[string]partV3{
	"big_1MiB_both_ways":      {heard: []string{blob}},
	"command_both_ways":       {heard: []string{"sum [20,22]"}},
	"command_without_content": {heard: []string{"ping "}},
	"header_len_6":            {heard: []string{"n 1"}},
	"message_without_marker":  {heard: []string{"no marker here "}},
	"several_in_one_segment":  {heard: []string{"n 0", "n 1", "n 2", "end "}},
	"unicode_content":         {heard: []string{"grüße naïve – 日本語 🦊"}},
	"typed_values":            {heard: values},
	"typed_values_from_server": {act: func(w *world) []error {
		return sendValues(func(command string, v any) error { return w.srv.All().Send(command, v) })
	}},
	// The Go server cuts off nothing.
	"command_first_letters_lost": {heard: []string{"MOVE x", "Chat x", "Do x", "DCM x", "move x"}},
	// A name with a marker in it ends the original's server.
	"marker_in_payload": {
		heard: []string{"note $CMD$x$MSG$y $DISCONN$"}, drops: map[int]string{1: "$DISCONN$"}, codes: []core.Code{core.CodeBadPayload},
	},
	// The Go server says no goodbye to a client that has left.
	"leave_announced": {drops: map[int]string{2: "$DISCONN$"}},
	"leave_by_fin":    {drops: map[int]string{2: "$DISCONN$"}},
	"change_name_and_group": {
		act: func(w *world) []error {
			require.Equal(w.t, []string{"blue"}, w.conn("alice").Groups())
			return nil
		},
	},
	"send_all": {act: func(w *world) []error { return []error{w.srv.All().Send("tick", 7)} }},
	"group_send": {act: func(w *world) []error {
		red, blue := w.srv.Group("red"), w.srv.Group("blue")
		return []error{red.Send("news", "for red"), blue.Send("news", "for blue")}
	}},
	"server_disconnects_client": {act: func(w *world) []error { w.conn("bob").Close(); return nil }},
}

// registerV3 registers the programs of the servers of all recordings of 3.0a, in one.
func registerV3(s *core.Server, heard *kept[string]) {
	s.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		heard.Add(f.Command + " " + string(f.Payload))
		return nil
	})
	s.OnAny(func(context.Context, *core.Conn, core.Frame) error { return nil })
	core.On(s, "sum", func(_ context.Context, c *core.Conn, in []int) error { return c.Send("sum", in[0]+in[1]) })
	core.On(s, "ping", func(_ context.Context, c *core.Conn, _ struct{}) error { return c.Send("pong", nil) })
	core.On(s, "blob", func(_ context.Context, c *core.Conn, in []byte) error { return c.Send("blob", in) })
	core.On(s, "grüße", func(_ context.Context, c *core.Conn, _ string) error { return c.Send("grüße", "ответ") })
	core.On(s, "end", func(_ context.Context, c *core.Conn, _ struct{}) error {
		return errors.Join(c.Send("n", 10), c.Send("n", "x"))
	})
	core.On(s, "n", func(_ context.Context, c *core.Conn, n int) error {
		if n == 1 && c.Name() == "alice" && c.InGroup("red") {
			return c.Send("n", 2)
		}
		return nil
	})
}

// The bytes of a Python client make the Go server say what the Python server said.
func TestV3ReplayServer(t *testing.T) {
	eachRecordingV3(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) { r.playServer(t, send, r.serverV3(t)) })
	})
}

func (r *recording) serverV3(t *testing.T) serverPlay {
	p, recorded := partsV3[r.Scenario], r.said("s2c")
	play := serverPlay{
		classic: core.ClassicOptions{Unknown: core.Dialect30a}, heard: p.heard, faults: p.codes, whole: true,
		program: func(w *world, heard *kept[string]) { registerV3(w.srv, heard) },
		said: func(conn int, _ string) (want string) {
			for _, payload := range r.split(t, recorded[conn], classic.NextBare) {
				if payload != p.drops[conn] {
					want += r.ours(payload)
				}
			}
			return want
		},
	}
	if p.act != nil {
		play.act = func(w *world) error { return errors.Join(p.act(w)...) }
	}
	return play
}

// A toldV3 is the program of a client in a recording of 3.0a.
type toldV3 struct {
	heard map[int][]string
	codes map[int][]core.Code // codes that its error hook is told
	ended map[int]bool        // connections that the server has ended
}

var toldsV3 = map[string]toldV3{
	"big_1MiB_both_ways":       {heard: map[int][]string{1: {blob}}},
	"command_both_ways":        {heard: map[int][]string{1: {"sum 42"}}},
	"command_without_content":  {heard: map[int][]string{1: {"pong "}}},
	"header_len_6":             {heard: map[int][]string{1: {"n 2"}}},
	"several_in_one_segment":   {heard: map[int][]string{1: {"n 10", "n x"}}},
	"typed_values_from_server": {heard: map[int][]string{1: values}},
	"unicode_content":          {heard: map[int][]string{1: {"grüße ответ"}}},
	// The Go client does not ask. A payload that looks like an answer is told to the error hook.
	"get_client_reply_unframed": {codes: map[int][]core.Code{1: {core.CodeUnsupported}}},
	"marker_in_payload":         {ended: map[int]bool{1: true}},
	"leave_by_fin": {heard: map[int][]string{
		1: {`came bob ["red"] 127.0.0.1:54650`, `went bob ["red"] 127.0.0.1:54650`},
	}},
	"leave_announced": {heard: map[int][]string{
		1: {`came bob ["red"] 127.0.0.1:51308`, `went bob ["red"] 127.0.0.1:51308`},
	}},
	"server_disconnects_client": {
		heard: map[int][]string{1: {`came bob ["red"] 127.0.0.1:55936`, `went bob ["red"] 127.0.0.1:55936`}},
		ended: map[int]bool{2: true},
	},
	"join_notifies_all": {heard: map[int][]string{
		1: {`came bob ["blue"] 127.0.0.1:36290`, "came  null 127.0.0.1:36292"},
		2: {"came  null 127.0.0.1:36292"},
	}},
	"send_all": {heard: map[int][]string{1: {"came  null 127.0.0.1:44726", "tick 7"}, 2: {"tick 7"}}},
	"group_send": {heard: map[int][]string{
		1: {`came bob ["red"] 127.0.0.1:37394`, `came carol ["blue"] 127.0.0.1:37410`, "news for red"},
		2: {`came carol ["blue"] 127.0.0.1:37410`, "news for red"},
		3: {"news for blue"},
	}},
}

// A Go client hears what a Python server said, and says what the Python client said.
func TestV3ReplayClient(t *testing.T) {
	eachRecordingV3(t, func(t *testing.T, r *recording) {
		want := toldsV3[r.Scenario]
		r.inPieces(t, func(t *testing.T, send sending) {
			r.playClient(t, send, clientPlay{
				client: clientV3,
				split:  func(b string) []string { return r.split(t, b, classic.NextBare) },
				frame:  r.ours,
				again:  func(cl *core.Client, payload string) bool { return sendAgainV3(t, cl, payload) },
				heard:  func(conn int) (heard, raw []string) { return want.heard[conn], nil },
				faults: func(conn int) []core.Code { return want.codes[conn] },
				ended:  func(conn int, _ string) bool { return want.ended[conn] },
				last: func(ended bool) string {
					if ended {
						return ""
					}
					return r.frame("$USRCLOSE$")
				},
				whole: true,
			})
		})
	})
}

// sendAgainV3 sends a payload of a recording, if it is a command that the library may send.
func sendAgainV3(t *testing.T, cl *core.Client, payload string) bool {
	name, body := classic.SplitTyped([]byte(payload))
	if body == nil { // a request of the dialect, or no command
		return false
	}
	if string(name) == "a" {
		require.Equal(t, core.CodeBadName, core.CodeOf(cl.Send("a$MSG$b", "z")))
		return false
	}
	content, as, err := classic.ParseBody(body, 2<<20)
	require.NoError(t, err)
	var v any = content
	switch {
	case as == classic.FormText:
		v = string(content)
	case as == classic.FormFloat:
		var f float64
		require.NoError(t, json.Unmarshal(content, &f))
		v = f
	case as == classic.FormJSON:
		v = json.RawMessage(content)
	}
	err = cl.Send(string(name), v)
	if strings.IndexByte("CMD", name[0]) >= 0 {
		require.Equal(t, core.CodeBadName, core.CodeOf(err))
		require.ErrorContains(t, err, "begins with $, C, M or D")
		return false
	}
	require.NoError(t, err)
	return true
}
