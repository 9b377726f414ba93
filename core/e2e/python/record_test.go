//go:build !js

package python_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A Go client asks a Python server for the record of another client, in each dialect that has
// records.
func TestRecordOfAnother(t *testing.T) {
	const bob = `{"ip": ["127.0.0.1", 5], "name": "bob", "group": "red"}`
	tests := map[string]struct {
		speaks core.Dialect
		asks   string
		answer string
		code   core.Code
	}{
		"1.x":               {core.Dialect1x, "$GETCLT$ bob", oldFrames(bob), core.CodeNone},
		"1.x, nobody":       {core.Dialect1x, "$GETCLT$ bob", oldFrames(`{"traceback": "$NOEXIST$"}`), core.CodeUnknownClient},
		"1.x, no JSON":      {core.Dialect1x, "$GETCLT$ bob", oldFrames(`{"traceback": "not an address"`), core.CodeProtocol},
		"2.x cannot":        {core.Dialect2x, "$GETCLT$bob", oldFrames(`{"traceback": "Client format is wrong (must be of type tuple or str)."}`), core.CodeInternal},
		"2.x, a Go server":  {core.Dialect2x, "$GETCLT$bob", oldFrames(cmd2("record$1$", bob)), core.CodeNone},
		"3.0a, bare":        {core.Dialect30a, "$GETCLT$bob", bob, core.CodeNone},
		"3.0a, a Go server": {core.Dialect30a, "$GETCLT$bob", oldFrames(cmd("record$1$", "d2s10[9s1i]4s3s5s3s", "ip127.0.0.15namebobgroupred")), core.CodeNone},
		"3.0a, malformed":   {core.Dialect30a, "$GETCLT$bob", oldFrames(cmd("record$1$", "d2s9[", "ip")), core.CodeProtocol},
		"3.0a, nobody":      {core.Dialect30a, "$GETCLT$bob", `{"traceback": "$NOEXIST$"}`, core.CodeUnknownClient},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := harness.NewClient(s, &core.ClientOptions{Name: "ada", Codec: testCodec{}, Classic: &core.Classic{Dialect: tc.speaks}, Retry: core.Retry{Off: true}, Logger: core.Silent})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].take()
				type result struct {
					p   core.Presence
					err error
				}
				done := make(chan result, 1)
				go func() {
					p, err := cl.Record(t.Context(), "bob")
					done <- result{p, err}
				}()
				s.clients[0].want(tc.asks)
				s.clients[0].send(tc.answer)
				got := <-done
				require.Equal(t, tc.code.String(), core.CodeOf(got.err).String())
				if tc.code == core.CodeNone {
					require.Equal(t, core.Presence{Name: "bob", Groups: []string{"red"}, Addr: "127.0.0.1:5"}, got.p)
				} else {
					require.True(t, core.IsRemote(got.err))
				}
				cl.Close()
				<-cl.Done()
			})
		})
	}
}

// Answers belong to requests in their order, also after a request that was given up. The number of waiting
// requests is bounded, and they end with the connection.
func TestRecordsInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl := harness.NewClient(s, &core.ClientOptions{Classic: &core.Classic{Dialect: core.Dialect1x}, Retry: core.Retry{Off: true}, Logger: core.Silent})
		_, err := cl.Record(t.Context(), "x")
		require.Equal(t, core.CodeNotConnected, core.CodeOf(err))
		require.NoError(t, cl.Connect(t.Context()))
		_, err = cl.Record(t.Context(), "a\nb")
		require.Equal(t, core.CodeBadName, core.CodeOf(err))
		given, giveUp := context.WithCancel(t.Context())
		var got kept[string]
		ask := func(ctx context.Context, who string) {
			go func() {
				p, err := cl.Record(ctx, who)
				got.Add(who + " " + p.Name + " " + core.CodeOf(err).String())
			}()
			synctest.Wait()
		}
		ask(given, "first")
		ask(t.Context(), "second")
		giveUp()
		synctest.Wait()
		for _, name := range []string{"1", "2"} {
			s.clients[0].send(oldFrames(`{"ip": ["127.0.0.1", 5], "name": "` + name + `", "group": null}`))
		}
		synctest.Wait()
		require.Equal(t, []string{"first  canceled", "second 2 none"}, got.All())
		for i := range maxRecords {
			ask(t.Context(), fmt.Sprint(i))
		}
		_, err = cl.Record(t.Context(), "one too many")
		require.Equal(t, core.CodeTooManyCalls, core.CodeOf(err))
		s.clients[0].close()
		<-cl.Done()
		synctest.Wait()
		require.Len(t, got.All(), 2+maxRecords)
		require.Contains(t, got.All(), "0  connection lost")
	})
}
