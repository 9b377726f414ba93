//go:build !js

package python_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/classic"
)

// A toldV3 is what a client's program did and heard in a recording of 3.0a.
type toldV3 struct {
	heard map[int][]string
	codes map[int][]core.Code // what its error hook was told
	ended map[int]bool        // by the server
}

var toldsV3 = map[string]toldV3{
	"big_1MiB_both_ways":       {heard: map[int][]string{1: {blob}}},
	"command_both_ways":        {heard: map[int][]string{1: {"sum 42"}}},
	"command_without_content":  {heard: map[int][]string{1: {"pong "}}},
	"header_len_6":             {heard: map[int][]string{1: {"n 2"}}},
	"several_in_one_segment":   {heard: map[int][]string{1: {"n 10", "n x"}}},
	"typed_values_from_server": {heard: map[int][]string{1: values}},
	"unicode_content":          {heard: map[int][]string{1: {"grüße ответ"}}},
	// Ours does not ask; what looks like an answer is told to the error hook.
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

// clientV3 is a client of that dialect that tells all it hears.
func clientV3(s *oldServer, opts *core.ClientOptions) (*core.Client, *listening) {
	if opts.Classic == nil {
		opts.Classic = &core.Classic{}
	}
	opts.Classic.Dialect = core.Dialect30a
	opts.Codec = testCodec{}
	opts.Retry.Off = true
	cl := harness.NewClient(s, opts)
	l := listenTo(cl)
	l.commands(cl)
	return cl, l
}

// What a Python server said, ours hears; and it says what the Python client said.
func TestV3ReplayClient(t *testing.T) {
	eachRecordingV3(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) {
			inBubble(t, func(t *testing.T, s *oldServer) { r.replayClientV3(t, s, send) })
		})
	})
}

func (r *recording) replayClientV3(t *testing.T, s *oldServer, send sending) {
	clients, heard, said := map[int]*core.Client{}, map[int]*listening{}, map[int]string{}
	for _, e := range r.Events {
		cl := clients[e.Conn]
		switch {
		case e.Dir == "s2c" && e.End == "":
			if !s.clients[e.Conn-1].isEnded() { // ours has left before it is told that it may
				send(s.clients[e.Conn-1], e.bytes)
			}
		case e.Dir == "s2c":
		case e.End != "":
			require.NoError(t, cl.Close())
		default:
			for _, payload := range r.payloadsV3(t, e.bytes) {
				if clients[e.Conn] == nil {
					clients[e.Conn], heard[e.Conn] = r.joinsV3(t, s, payload)
					said[e.Conn] = r.ours(payload)
				} else if sendAgainV3(t, clients[e.Conn], payload) {
					said[e.Conn] += r.ours(payload)
				}
			}
		}
		synctest.Wait()
	}
	want := toldsV3[r.Scenario]
	for conn, cl := range clients {
		require.Equal(t, want.heard[conn], heard[conn].all())
		require.Equal(t, want.codes[conn], heard[conn].faults.all())
		if want.ended[conn] {
			require.True(t, core.IsRemote(cl.Err()))
		} else {
			said[conn] += r.ours("$USRCLOSE$")
		}
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
		requireSame(t, said[conn], s.clients[conn-1].take())
	}
	require.Empty(t, s.resets.all(), "each has left in order")
}

// joinsV3 connects a client as the hello says.
func (r *recording) joinsV3(t *testing.T, s *oldServer, hello string) (*core.Client, *listening) {
	cl, heard := clientV3(s, r.options(t, hello))
	require.NoError(t, cl.Connect(t.Context()))
	return cl, heard
}

// sendAgainV3 sends what a payload holds, if it is a command that ours may send.
func sendAgainV3(t *testing.T, cl *core.Client, payload string) bool {
	name, body := classic.SplitTyped([]byte(payload))
	if body == nil { // a wish of the dialect's own, or no command
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
