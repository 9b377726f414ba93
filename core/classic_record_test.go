//go:build !js

package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A Go client asks a Python server for the record of another, in each dialect that has such.
func TestClassicRecordOfAnother(t *testing.T) {
	const bob = `{"ip": ["127.0.0.1", 5], "name": "bob", "group": "red"}`
	tests := map[string]struct {
		speaks Dialect
		asks   string
		answer string
		code   Code
	}{
		"1.x":               {Dialect1x, "$GETCLT$ bob", oldFrames(bob), CodeNone},
		"1.x, nobody":       {Dialect1x, "$GETCLT$ bob", oldFrames(`{"traceback": "$NOEXIST$"}`), CodeUnknownClient},
		"1.x, no JSON":      {Dialect1x, "$GETCLT$ bob", oldFrames(`{"traceback": "not an address"`), CodeProtocol},
		"2.x cannot":        {Dialect2x, "$GETCLT$bob", oldFrames(`{"traceback": "Client format is wrong (must be of type tuple or str)."}`), CodeInternal},
		"2.x, a Go server":  {Dialect2x, "$GETCLT$bob", oldFrames(cmd2("record$1$", bob)), CodeNone},
		"3.0a, bare":        {Dialect30a, "$GETCLT$bob", bob, CodeNone},
		"3.0a, a Go server": {Dialect30a, "$GETCLT$bob", oldFrames(cmd("record$1$", "d2s10[9s1i]4s3s5s3s", "ip127.0.0.15namebobgroupred")), CodeNone},
		"3.0a, malformed":   {Dialect30a, "$GETCLT$bob", oldFrames(cmd("record$1$", "d2s9[", "ip")), CodeProtocol},
		"3.0a, nobody":      {Dialect30a, "$GETCLT$bob", `{"traceback": "$NOEXIST$"}`, CodeUnknownClient},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := newTestClient(s, &ClientOptions{Name: "ada", Codec: testCodec{}, Classic: &Classic{Dialect: tc.speaks}, Retry: Retry{Off: true}, Logger: Silent})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].take()
				type result struct {
					p   Presence
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
				require.Equal(t, tc.code.String(), CodeOf(got.err).String())
				if tc.code == CodeNone {
					require.Equal(t, Presence{Name: "bob", Groups: []string{"red"}, Addr: "127.0.0.1:5"}, got.p)
				} else {
					require.True(t, IsRemote(got.err))
				}
				cl.Close()
				<-cl.Done()
			})
		})
	}
}

// Answers come in the order of the questions, also behind one that nobody waits for any more; those who wait
// are few, and end with the connection.
func TestClassicRecordsInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl := newTestClient(s, &ClientOptions{Classic: &Classic{Dialect: Dialect1x}, Retry: Retry{Off: true}, Logger: Silent})
		_, err := cl.Record(t.Context(), "x")
		require.Equal(t, CodeNotConnected, CodeOf(err))
		require.NoError(t, cl.Connect(t.Context()))
		_, err = cl.Record(t.Context(), "a\nb")
		require.Equal(t, CodeBadName, CodeOf(err))
		given, giveUp := context.WithCancel(t.Context())
		var got kept[string]
		ask := func(ctx context.Context, who string) {
			go func() {
				p, err := cl.Record(ctx, who)
				got.add(who + " " + p.Name + " " + CodeOf(err).String())
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
		require.Equal(t, []string{"first  canceled", "second 2 none"}, got.all())
		for i := range maxRecords {
			ask(t.Context(), fmt.Sprint(i))
		}
		_, err = cl.Record(t.Context(), "one too many")
		require.Equal(t, CodeTooManyCalls, CodeOf(err))
		s.clients[0].close()
		<-cl.Done()
		synctest.Wait()
		require.Len(t, got.all(), 2+maxRecords)
		require.Contains(t, got.all(), "0  connection lost")
	})
}
