//go:build !js

package python_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport/transporttest"
)

// clientV3 returns a client of 3.0a that records all that it hears.
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

func TestV3ClientConnects(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl, heard := clientV3(s, &core.ClientOptions{Name: "Zoë", Groups: []string{"red"}, Classic: &core.Classic{HeaderLen: 6}})
		require.NoError(t, cl.Connect(t.Context()), "without an answer")
		require.Equal(t, `46    $CLTHELLO${"name": "Zo\u00eb", "group": "red"}`, s.clients[0].take())
		time.Sleep(time.Hour)
		synctest.Wait()
		require.NoError(t, cl.Err(), "there are no heartbeats")
		require.NoError(t, cl.Send("last", "word"))
		require.NoError(t, cl.Close())
		<-cl.Done()
		require.Equal(t, `28    $CMD$last$MSG$2       4sword10    $USRCLOSE$`, s.clients[0].take())
		require.True(t, s.clients[0].isEnded())
		require.Empty(t, s.resets.All(), "in order")
		require.Empty(t, heard.faults.All())
	})
}

func TestV3ClientCannot(t *testing.T) {
	inBubble(t, func(t *testing.T, s *oldServer) {
		cl, _ := clientV3(s, &core.ClientOptions{Classic: &core.Classic{HeaderLen: 2}})
		require.NoError(t, cl.Connect(t.Context()))
		_, err := cl.CallBytes(t.Context(), "sum", nil)
		tests := map[string]struct {
			err  error
			code core.Code
			says string
		}{
			"call":                  {err, core.CodeUnsupported, "no calls"},
			"join":                  {cl.Join(t.Context(), "red"), core.CodeUnsupported, "keeps its name and group"},
			"raw":                   {cl.SendRaw([]byte("x")), core.CodeUnsupported, "no raw messages"},
			"bool":                  {cl.Send("say", true), core.CodeUnsupported, "a bool cannot be said"},
			"null within":           {cl.Send("say", []any{nil}), core.CodeUnsupported, "null within"},
			"empty list within":     {cl.Send("say", map[string][]int{"a": {}}), core.CodeUnsupported, "without data"},
			"large float":           {cl.Send("say", 1e300), core.CodeUnsupported, "single precision"},
			"text that is not text": {cl.Send("say", "\xff"), core.CodeBadPayload, "not UTF-8"},
			"empty name":            {cl.Send("", 1), core.CodeBadName, ""},
			"line end in a name":    {cl.Send("a\nb", 1), core.CodeBadName, ""},
			"marker in a name":      {cl.Send("a$MSG$b", 1), core.CodeBadName, "would end the name"},
			"name from C":           {cl.Send("Chat", 1), core.CodeBadName, "begins with $, C, M or D"},
			"name from a dollar":    {cl.SendBytes("$x", nil), core.CodeBadName, "begins with $, C, M or D"},
			"too big":               {cl.SendBytes("say", make([]byte, 77)), core.CodeTooBig, "do not fit the header"},
		}
		for name, tc := range tests {
			require.Equal(t, tc.code, core.CodeOf(tc.err), name)
			require.ErrorContains(t, tc.err, tc.says, name)
		}
		require.Equal(t, `39$CLTHELLO${"name": null, "group": null}`, s.clients[0].take())
		require.NoError(t, cl.Send("two words", 1))
		require.Equal(t, `30$CMD$two words$MSG$2       1i1`, s.clients[0].take())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// Bytes that a Python server sends without a header are understood, wherever they are cut.
func TestV3ClientHearsBareFrames(t *testing.T) {
	all := "$KEEPALIVE$" + oldFrames(cmd("a", "1i", "1"), "$KEEPALIVE$") + `{"name": "}{\"", "x": [{}]}` + oldFrames(cmd("b", "", ""), "{}")
	for i := range len(all) {
		inBubble(t, func(t *testing.T, s *oldServer) {
			cl, heard := clientV3(s, &core.ClientOptions{})
			require.NoError(t, cl.Connect(t.Context()))
			s.clients[0].take()
			s.clients[0].send(all[:i])
			synctest.Wait()
			require.NoError(t, cl.Err())
			s.clients[0].send(all[i:])
			s.clients[0].want("$KEEPACK$", "$KEEPACK$")
			require.Equal(t, []string{"a 1", "b "}, heard.All())
			require.Equal(t, []core.Code{core.CodeUnsupported, core.CodeUnsupported}, heard.faults.All(), "the records")
			s.clients[0].send("$DISCONN$")
			s.clients[0].close()
			<-cl.Done()
			require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
			require.True(t, core.IsRemote(cl.Err()))
		})
	}
}

func TestV3ClientIsLeft(t *testing.T) {
	tests := map[string]struct {
		in   string
		code core.Code
	}{
		"in order":          {"", core.CodeConnLost},
		"in half a frame":   {"5               ab", core.CodeConnLost},
		"in half a marker":  {"$DISC", core.CodeConnLost},
		"in half a record":  {`{"name": `, core.CodeConnLost},
		"disconnected":      {"$DISCONN$", core.CodeClosed},
		"told with header":  {oldFrames("$DISCONN$"), core.CodeClosed},
		"another marker":    {"$USRCLOSE$", core.CodeProtocol},
		"a very long thing": {"{" + string(make([]byte, 8<<10)), core.CodeTooBig},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl, _ := clientV3(s, &core.ClientOptions{})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].send(tc.in)
				synctest.Wait()
				if tc.code == core.CodeConnLost {
					s.clients[0].close()
				}
				<-cl.Done()
				require.Equal(t, tc.code.String(), core.CodeOf(cl.Err()).String())
			})
		})
	}
}

// Only the first notice can be about the client's own coming.
func TestV3ClientOwnNotice(t *testing.T) {
	notice := func(mark, name string) string {
		return `$CLT` + mark + `${"ip": ["127.0.0.1", 5], "name": "` + name + `", "group": null, "ipstr": "127.0.0.1:5"}`
	}
	tests := map[string]struct {
		in   []string
		want []string
	}{
		"own":                 {[]string{notice("CONN", "ada")}, nil},
		"another of the name": {[]string{notice("CONN", "ada"), notice("CONN", "ada")}, []string{"came ada null 127.0.0.1:5"}},
		"another":             {[]string{notice("CONN", "bob"), notice("CONN", "ada")}, []string{"came bob null 127.0.0.1:5", "came ada null 127.0.0.1:5"}},
		"gone":                {[]string{notice("DISCONN", "ada")}, []string{"went ada null 127.0.0.1:5"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl, heard := clientV3(s, &core.ClientOptions{Name: "ada"})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].send(oldFrames(tc.in...))
				synctest.Wait()
				require.Equal(t, tc.want, heard.All())
				require.NoError(t, cl.Close())
				<-cl.Done()
			})
		})
	}
}

// A Go client and a Go server understand each other in the dialect of 3.0a.
func TestV3BothEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		core.On(w.srv, "sum", func(_ context.Context, c *core.Conn, in []float64) error { return c.Send("sum", in[0]+in[1]) })
		w.serve()
		cl := harness.NewClient(w.lis, &core.ClientOptions{Name: "ada", Groups: []string{"red"}, Codec: testCodec{}, Classic: &core.Classic{Dialect: core.Dialect30a}, Retry: core.Retry{Off: true}})
		var got kept[string]
		cl.OnClientConnect(func(p core.Presence) { got.Add("came " + p.Name) })
		core.On(cl, "sum", func(_ context.Context, _ *core.Conn, in string) error { got.Add(in); return nil })
		w.clients = append(w.clients, cl)
		w.join(cl)
		require.NoError(t, cl.Send("sum", []float64{1.5, 2}))
		synctest.Wait()
		bob := w.join(w.client("bob"))
		require.Equal(t, []string{"3.5", "came bob"}, got.All())
		w.conn("ada").CloseWith(core.NewError(core.CodeShutdown, "the server is shutting down"))
		<-cl.Done()
		require.Equal(t, core.CodeClosed, core.CodeOf(cl.Err()))
		require.NoError(t, bob.Close())
	})
}

// FuzzV3Conn sends any bytes of a client of 3.0a, from its hello on. They end at most the client's
// own connection.
func FuzzV3Conn(f *testing.F) {
	for _, in := range []string{
		oldFrames(cmd("echo", "1b", "1"), cmd("count", "1i", "2"), cmd("late", "l1i1s", "3x"), "raw", ""),
		oldFrames("$CHNAME$anna", "$CHGROUP$blue", "$GETCLT$good", "$KEEPACK$", "$USRCLOSE$", "late"),
		oldFrames("$CMD$echo$MSG$hello", cmd("echo", "l9[1i", "1"), "$CHGROUP$\n"), "$DISCONN$", "9999999999999999",
	} {
		f.Add([]byte(in), `{"name": "eve", "group": "red"}`)
	}
	for _, in := range []string{ // of 2.x
		oldFrames(cmd2("echo", "hi"), cmd2("count", "2"), cmd2("count", ""), cmd2("late", "\x00"), "loose", "$CMD$echo", cmd("echo", "1b", "1")),
		oldFrames("$GETCLT$good", cmd2("echo", ""), "$GETCLT$('127.0.0.1', 9)", "$USRCLOSE$ more"),
	} {
		f.Add([]byte(in), `{"name": "two", "group": null}`)
	}
	f.Add([]byte(nil), `{"name": 5`)
	l, gone, good := fuzzed(f, false)
	f.Fuzz(func(t *testing.T, in []byte, hello string) {
		stream, err := l.Dial(t.Context())
		require.NoError(t, err)
		defer stream.Close() //nolint:errcheck // it is over
		require.NoError(t, stream.SetReadDeadline(time.Now().Add(transporttest.Patience)))
		require.NoError(t, stream.SetWriteDeadline(time.Now().Add(transporttest.Patience)))
		read := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, struct{ io.Reader }{stream})
			read <- err
		}()
		if _, err := stream.Write(append([]byte(oldFrames("$CLTHELLO$"+hello)), in...)); err != nil {
			require.ErrorIs(t, err, io.ErrClosedPipe)
		}
		require.NoError(t, stream.CloseWrite())
		require.NoError(t, <-read)
		select {
		case <-gone:
		case <-time.After(transporttest.Patience):
			require.FailNow(t, "it has not gone")
		}
		require.NoError(t, good.ask())
	})
}
