//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// clientMedia are the media of the tests of hostile servers.
var clientMedia = []string{"pipe", "tcp", "ws"}

// A bad answer in place of the welcome makes Connect fail with a reason.
func TestHostileWelcome(t *testing.T) {
	long := strings.Repeat("r", 2000)
	tests := map[string]struct {
		in     []byte
		code   core.Code
		part   string
		remote bool
	}{
		"refused":                 {refuse(core.CodeTooManyConns, "full"), core.CodeTooManyConns, "full", true},
		"refused in nasty words":  {refuse(core.CodeApplication, coretest.EveryNasty()), core.CodeApplication, coretest.NastyMark, true},
		"refused with own code":   {refuse(1<<32-1, ""), 1<<32 - 1, "code 4294967295", true},
		"refused at length":       {wire.AppendFrame(nil, wire.KindRefuse, []byte{1}, text(long), []byte{0}), core.CodeTooBig, "2000 B exceeds", false},
		"refused not in UTF-8":    {wire.AppendFrame(nil, wire.KindRefuse, []byte{1}, text(coretest.Nasty["not UTF-8"]), []byte{0}), core.CodeProtocol, "not UTF-8", false},
		"refused, cut short":      {wire.AppendFrame(nil, wire.KindRefuse, []byte{1}), core.CodeProtocol, "cut short", false},
		"no version":              {wire.AppendFrame(nil, wire.KindWelcome), core.CodeProtocol, "version", false},
		"another version":         {wire.AppendWelcome(nil, &wire.Welcome{Version: 2}), core.CodeVersion, "another version", false},
		"nasty name":              {wire.AppendWelcome(nil, &wire.Welcome{Name: coretest.Nasty["escape sequence"]}), core.CodeBadName, "name", false},
		"nasty group":             {wire.AppendWelcome(nil, &wire.Welcome{Groups: []string{coretest.Nasty["line separator"]}}), core.CodeBadName, "group", false},
		"groups over its limit":   {wire.AppendWelcome(nil, &wire.Welcome{MaxGroups: 1, Groups: []string{"a", "b"}}), core.CodeTooManyGroups, "limit 1", false},
		"address not in UTF-8":    {wire.AppendFrame(nil, wire.KindWelcome, []byte{1, 1, 1, 17, 1, 0xff}), core.CodeProtocol, "not UTF-8", false},
		"heartbeat of ages":       {wire.AppendFrame(nil, wire.KindWelcome, []byte{1, 1, 1, 15, 5, 0x80, 0x80, 0x80, 0x80, 0x08}), core.CodeProtocol, "ms exceeds", false},
		"field twice":             {wire.AppendFrame(nil, wire.KindWelcome, []byte{1, 1, 1, 1, 1, 1}), core.CodeProtocol, "twice", false},
		"a hello":                 {wire.AppendHello(nil, &wire.Hello{}), core.CodeProtocol, "hello frame instead of a welcome", false},
		"the hello of a client":   {coretest.Hello(wire.Hello{}), core.CodeProtocol, "frame length 0", false},
		"goodbye at once":         {wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeShutdown}), core.CodeProtocol, "goodbye frame instead", false},
		"a command":               {wire.AppendCommand(nil, "said", nil), core.CodeProtocol, "command frame instead", false},
		"a frame to be skipped":   {wire.AppendFrame(nil, 0xee), core.CodeProtocol, "instead of a welcome", false},
		"unknown frame":           {[]byte{9, 0x6f}, core.CodeProtocol, "unknown frame", false},
		"frame of 1 GiB":          {binary.AppendUvarint(nil, 1<<30), core.CodeTooBig, "1073741824 B exceeds", false},
		"number longer than long": {bytes.Repeat([]byte{0xff}, 30), core.CodeProtocol, "frame length", false},
		"HTTP":                    {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), core.CodeNotNative, "HTTP", false},
		"escape sequences":        {[]byte("\x1b[31m" + coretest.EveryNasty()), core.CodeProtocol, "", false},
		"SSH":                     {[]byte("SSH-2.0-OpenSSH_9.6\r\n"), core.CodeProtocol, "", false},
		"zeros":                   {make([]byte, 100), core.CodeProtocol, "frame length 0", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
				ctx, cancel := coretest.Patient()
				defer cancel()
				server := n.Accept(t, coretest.Says(tc.in))
				cl, w := n.Connect(t, &core.ClientOptions{Name: "ada"})
				err := cl.Connect(ctx)
				require.Equal(t, tc.code.String(), core.CodeOf(err).String(), "%v", err)
				require.Contains(t, err.Error(), tc.part)
				require.Equal(t, tc.remote, core.IsRemote(err))
				coretest.RequireLoggable(t, err.Error())
				coretest.Next(t, server) // the client has closed the stream
				requireNeverConnected(t, cl, w)
			})
		})
	}
}

func refuse(code core.Code, reason string) []byte {
	return wire.AppendRefuse(nil, wire.Goodbye{Code: code, Reason: reason})
}

// requireNeverConnected checks that a failed attempt has left nothing.
func requireNeverConnected(t *testing.T, cl *core.Client, w *harness.Witness) {
	t.Helper()
	require.Nil(t, cl.Conn())
	require.Empty(t, w.States)
	require.Empty(t, w.Faults)
	require.Equal(t, core.CodeNotConnected, core.CodeOf(cl.Send("say", "x")))
	coretest.Next(t, cl.Done())
}

// A Connect fails if the server goes away in the middle of its answer.
func TestServerLeavesDuringHandshake(t *testing.T) {
	tests := map[string][]byte{"nothing": nil, "half a length": {0x80}, "half a welcome": coretest.Welcome()[:6]}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
				ctx, cancel := coretest.Patient()
				defer cancel()
				server := n.Accept(t, coretest.SaysAndLeaves(in))
				cl, w := n.Connect(t, nil)
				err := cl.Connect(ctx)
				require.Equal(t, core.CodeConnLost.String(), core.CodeOf(err).String(), "%v", err)
				require.False(t, core.IsRemote(err))
				require.NoError(t, coretest.Next(t, server))
				requireNeverConnected(t, cl, w)
			})
		})
	}
}

// A client waits for a server that says nothing as long as the client's program wants.
func TestServerNeverAnswers(t *testing.T) {
	harness.Over(t, clientMedia, func(t *testing.T, n *harness.Network) {
		asked := make(chan struct{}, 16)
		var serving sync.WaitGroup
		serving.Go(func() {
			for {
				stream, err := n.Listener.Accept()
				if err != nil {
					return
				}
				serving.Go(func() {
					defer stream.Close()
					p := &coretest.Peer{T: t, Stream: stream}
					if _, err := p.ReadHello(); err == nil {
						asked <- struct{}{}
						p.Drain() //nolint:errcheck // whatever the end is
					}
				})
			}
		})
		defer serving.Wait()
		defer n.Listener.Close()

		cl, w := n.Connect(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-asked // the client waits for the answer to its hello
			cancel()
		}()
		require.ErrorIs(t, cl.Connect(ctx), context.Canceled)
		requireNeverConnected(t, cl, w)

		ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, cl.Connect(ctx), context.DeadlineExceeded)
		requireNeverConnected(t, cl, w)
	})
}
