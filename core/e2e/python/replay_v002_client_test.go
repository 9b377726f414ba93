//go:build !js

package python_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A told is what a client's program did and heard in a recording.
type told struct {
	heard map[int][]string // by its handlers
	raw   map[int][]string // by RecvRaw
	sends map[int]string   // instead of what the Python client sent
	code  core.Code        // of the sends that fail
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
	// A client without a name has none: here there are no empty ones.
	"join_empty_strings": {sends: map[int]string{1: oldHello(`null`, `null`)}},
	// Ours does not ask for what was never built, and takes the answer for what it looks like.
	"tls_probe_refused": {raw: map[int][]string{1: {"$NOTLS$"}}, sends: map[int]string{1: oldHello(`"alice"`, `null`)}, code: core.CodeUnsupported},
}

// What a Python server said, ours hears; and it says what the Python client said.
func TestReplayClient(t *testing.T) {
	eachRecording(t, func(t *testing.T, r *recording) {
		r.inPieces(t, func(t *testing.T, send sending) {
			inBubble(t, func(t *testing.T, s *oldServer) { r.replayClient(t, s, send) })
		})
	})
}

func (r *recording) replayClient(t *testing.T, s *oldServer, send sending) {
	want := tolds[r.Scenario]
	clients := map[int]*core.Client{}
	heard := map[int]*listening{}
	for _, e := range r.Events {
		cl := clients[e.Conn]
		switch {
		case e.Dir == "s2c":
			send(s.clients[e.Conn-1], e.bytes)
		case e.End != "": // either way ours leaves with a reset
			require.NoError(t, cl.Close())
			require.Len(t, s.resets.all(), 1)
		default:
			payloads := r.payloads(t, e.bytes)
			if cl == nil {
				cl, heard[e.Conn] = r.joins(t, s, payloads[0])
				clients[e.Conn] = cl
				payloads = payloads[1:]
			}
			for _, payload := range payloads {
				require.Equal(t, want.code, core.CodeOf(sendAgain(cl, payload)))
			}
		}
		synctest.Wait()
	}
	said := r.said("c2s")
	for conn, cl := range clients {
		if instead, ok := want.sends[conn]; ok {
			said[conn] = instead
		}
		requireSame(t, said[conn], s.clients[conn-1].take())
		require.Equal(t, want.heard[conn], heard[conn].all())
		require.Empty(t, heard[conn].faults.all())
		for _, raw := range want.raw[conn] {
			got, err := cl.RecvRaw(t.Context())
			require.NoError(t, err)
			require.Equal(t, raw, string(got))
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := cl.RecvRaw(ended)
		require.Error(t, err, "no more")
		require.NoError(t, cl.Close())
		<-cl.Done()
		s.near[conn-1].requireWhole(t, r.HeaderLen)
		require.Empty(t, s.clients[conn-1].take(), "no word of goodbye")
	}
	require.Len(t, s.resets.all(), len(clients))
}

// payloads splits what was recorded.
func (r *recording) payloads(t *testing.T, b string) (all []string) {
	for len(b) > 0 {
		n, err := strconv.Atoi(strings.TrimSpace(b[:r.HeaderLen]))
		require.NoError(t, err)
		all = append(all, b[r.HeaderLen:r.HeaderLen+n])
		b = b[r.HeaderLen+n:]
	}
	return all
}

// joins connects a client as the hello says.
func (r *recording) joins(t *testing.T, s *oldServer, hello string) (*core.Client, *listening) {
	cl, heard := oldClient(s, r.options(t, hello))
	require.NoError(t, cl.Connect(t.Context()))
	return cl, heard
}

// sendAgain sends as a program does whose messages are those of the recordings.
func sendAgain(cl *core.Client, payload string) error {
	command, content, ok := strings.Cut(payload, " ")
	if !ok || command == "plain" {
		return cl.SendRaw([]byte(payload))
	}
	return cl.Send(command, []byte(content))
}

// A stream may be cut anywhere, at both ends.
func TestCutAnywhere(t *testing.T) {
	echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
		all := oldHello(`"Zo\u00eb"`, `null`) + oldFrames("say ", "say one two", "")
		for i := 1; i < len(all); i++ {
			p := w.knock()
			p.send(all[:i])
			synctest.Wait()
			if i%20 == 0 {
				check() // half of something holds up nobody
			}
			p.send(all[i:])
			p.want("said ", "said one two")
			p.close()
		}
		require.Equal(t, 1, w.srv.Len())
		require.Empty(t, faults.all())
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
		got := heard.all()
		require.Len(t, got, 3*(len(all)-1))
		for i := 0; i < len(got); i += 3 {
			require.Equal(t, []string{"tick 1", `went bob ["red"] 127.0.0.1:45362`, "n "}, got[i:i+3], fmt.Sprint(i))
		}
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}
