//go:build !js

package core

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A written is the output of slog's text handler, which most programs use.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

// lines returns the lines so far, without their times.
func (w *written) lines() (lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.buf.String()) {
		_, line, _ = strings.Cut(line, " ")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func (w *written) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Len()
}

// inLog runs f in a world whose server logs at Warn through slog.
func inLog(t *testing.T, opts *ServerOptions, f func(w *world, log *written)) {
	inWorld(t, opts, func(w *world) {
		log := &written{}
		h := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})
		w.srv.eng.log = newJournal(slog.New(h))
		f(w, log)
	})
}

// maxLine is the length that no line exceeds, in bytes, except the lines of a panic.
const maxLine = 2048

// leftOutIn adds up the numbers of lines that were left out, of all connections.
func leftOutIn(lines []string) (n int) {
	for _, line := range lines {
		for _, key := range []string{" left_out=", `"a command has no handler"=`} {
			if _, rest, ok := strings.Cut(line, key); ok {
				rest, _, _ = strings.Cut(rest, " ")
				v, _ := strconv.Atoi(rest)
				n += v
			}
		}
	}
	return n
}

// A connection that sends many commands without a handler has five lines. The lines after that say
// how many were left out.
func TestCommandsThatNobodyHandles(t *testing.T) {
	const commands = 50_000
	inLog(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: -1}}, func(w *world, log *written) {
		var told kept[error]
		w.srv.OnError(func(_ *Conn, err error) { told.Add(err) })
		w.serve()
		p := w.hello(&wire.Hello{Name: "mallory"})
		flood := bytes.Repeat(wire.AppendCommand(nil, "x", nil), 1000)
		for range commands / 1000 {
			p.Send(flood)
		}
		synctest.Wait()
		require.Len(t, log.lines(), 5)
		require.Equal(t, `level=WARN msg="hisock: a command has no handler" conn=1 addr=pipe:1 name=mallory command=x code="unknown command" err="no handler for command x"`, log.lines()[0])
		time.Sleep(time.Minute)
		p.Send(flood[:len(flood)/1000])
		synctest.Wait()
		require.Len(t, log.lines(), 6)
		require.Contains(t, log.lines()[5], "left_out="+strconv.Itoa(commands-5))
		p.Send(flood)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.Stream.CloseWrite() //nolint:errcheck // the peer has been told
		synctest.Wait()
		lines := log.lines()
		require.Contains(t, lines[len(lines)-1], `msg="hisock: lines about a connection were left out" conn=1 addr=pipe:1 name=mallory "a command has no handler"=`)
		require.Equal(t, commands+1001, len(lines)-1+leftOutIn(lines), "every one is counted")
		require.Len(t, told.All(), commands+1001, "the hook is the program's")
		t.Logf("%d B sent, %d B of log", 4*(commands+1001), log.size())
		require.Less(t, log.size(), 3000)
	})
}

// Many connections together write no more lines than a few.
func TestManyConnectionsWriteOneLog(t *testing.T) {
	const conns = 2000
	inLog(t, nil, func(w *world, log *written) {
		w.serve()
		for i := range conns {
			p := w.hello(&wire.Hello{Name: "mallory" + strconv.Itoa(i)})
			for range 10 {
				p.Send(wire.AppendCommand(nil, "x", nil))
			}
			p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
			p.WantEnd()
		}
		synctest.Wait()
		require.Len(t, log.lines(), 50+50)
		require.NoError(t, w.srv.Shutdown(w.ctx))
		lines := log.lines()
		require.Len(t, lines, 101)
		require.Contains(t, lines[100], `msg="hisock: lines were left out" "a command has no handler"=`)
		t.Logf("%d connections, %d B of log", conns, log.size())
	})
}

// A payload that does not convert is not repeated in the log or in the error of the hook.
func TestErrorsOfConversionAreShort(t *testing.T) {
	inLog(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 20}}, func(w *world, log *written) {
		var told kept[error]
		w.srv.OnError(func(_ *Conn, err error) { told.Add(err) })
		On(w.srv, "time", func(context.Context, *Conn, time.Time) error { return nil })
		On(w.srv, "json", func(context.Context, *Conn, struct{ At time.Time }) error { return nil })
		Handle(w.srv, "time", func(context.Context, *Conn, time.Time) (string, error) { return "", nil })
		w.serve()
		payloads := map[string][]byte{
			"time": bytes.Repeat([]byte("\x00\xff\"x"), 250<<10),
			"json": []byte(`{"At":"` + strings.Repeat("é", 500<<10) + `"}`),
		}
		p := w.hello(&wire.Hello{Name: "mallory"})
		for command, payload := range payloads {
			p.Send(wire.AppendCommand(nil, command, payload))
		}
		p.Send(wire.AppendRequest(nil, 1, "time", payloads["time"]))
		p.Want()
		synctest.Wait()
		for _, line := range log.lines() {
			require.Less(t, len(line), maxLine)
		}
		require.Len(t, log.lines(), 2)
		for _, err := range told.All() {
			require.Less(t, len(err.Error()), maxLine)
		}
		t.Logf("3 MB sent, %d B of log", log.size())
	})
}

// A message that many members of a group cannot be sent is one line, in the turn of its sender.
func TestMessageThatManyCannotBeSent(t *testing.T) {
	const members, messages = 500, 100
	inLog(t, nil, func(w *world, log *written) {
		var told kept[error]
		w.srv.OnError(func(_ *Conn, err error) { told.Add(err) })
		w.serve()
		for range members {
			w.hello(&wire.Hello{Groups: []string{"g"}, MaxFrame: 512})
		}
		for range messages {
			require.NoError(t, w.srv.Group("g").Send("say", make([]byte, 1000)))
		}
		require.Len(t, told.All(), members*messages)
		require.Len(t, log.lines(), 50)
		require.Equal(t, `level=WARN msg="hisock: clients cannot be sent what all are sent" group=g command=say conns=500 code="too big" err="frame 1007 B exceeds the peer's limit 512 B"`, log.lines()[0])
		t.Logf("%d messages, %d B of log", messages, log.size())
		require.Less(t, log.size(), 50*300)
	})
}

// A line names the connection it is about, with the user that Authorize has given.
func TestLineHasTheUser(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(_ context.Context, a *Admission) error { a.User = "7 of 9"; return nil }}}
	inLog(t, opts, func(w *world, log *written) {
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada"})
		p.Send(wire.AppendCommand(nil, "x", nil))
		synctest.Wait()
		require.Len(t, log.lines(), 1)
		require.Contains(t, log.lines()[0], `conn=1 addr=pipe:1 name=ada user="7 of 9" command=x`)
	})
}

// A long error is cut wherever it is shown.
func TestErrorTextIsShort(t *testing.T) {
	long := errors.New(strings.Repeat("x", 10<<20))
	require.Less(t, len(wrapError(CodeInternal, "outer", long).Error()), 1024)
	require.Less(t, len(reasonText(long)), 1024)
	require.Less(t, len(safe.Panic(long.Error())), 1024)
	require.Less(t, len(safe.Panic(long)), 1024)
}

// Without a Logger, warnings and errors go to the default logger of slog at that time. Silent logs
// nothing.
func TestDefaultLogger(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	inWorld(t, nil, func(w *world) {
		for name, logger := range map[string]Logger{"default": nil, "silent": Silent} {
			log := &written{}
			w.srv.eng.log = newJournal(logger)
			slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			w.srv.eng.log.debug(nil, "debug", nil)
			w.srv.eng.log.info(nil, "info", nil)
			w.srv.eng.log.warn(nil, "warn", NewError(1001, "why"), "group", "a\nb", "command", "")
			w.srv.eng.log.error(nil, "error", nil, "conns", 3)
			if name == "silent" {
				require.Empty(t, log.lines())
				continue
			}
			require.Equal(t, []string{
				`level=WARN msg="hisock: warn" group="\"a\\nb\"" code="code 1001" err=why`,
				`level=ERROR msg="hisock: error" conns=3`,
			}, log.lines())
		}
		require.NotPanics(t, func() { newTestServer(nil); newTestClient(w.lis, nil) })
		require.Equal(t, defaultLogger, newTestServer(nil).eng.log.to)
		require.Equal(t, defaultLogger, newTestClient(w.lis, nil).cfg.log.to)
	})
}

// A rejecting is a listener that rejects clients.
type rejecting struct {
	*transport.PipeListener
	tell func(remote string, err error)
}

func (l *rejecting) TellRejected(f func(remote string, err error)) { l.tell = f }

// A client that a listener rejects is in the log of the server that serves the listener, while it
// serves.
func TestRejectedIsLogged(t *testing.T) {
	inLog(t, nil, func(w *world, log *written) {
		l := &rejecting{PipeListener: transport.NewPipeListener()}
		ctx, cancel := context.WithCancel(w.ctx)
		go w.srv.Serve(ctx, l) //nolint:errcheck // it ends with ctx
		synctest.Wait()
		for range 1000 {
			l.tell("10.0.0.7:1234", errors.New("ws: status 403: origin is not allowed"))
		}
		require.Len(t, log.lines(), 50)
		require.Equal(t, `level=WARN msg="hisock: a listener turned somebody away" addr=10.0.0.7:1234 listener=pipe err="ws: status 403: origin is not allowed"`, log.lines()[0])
		cancel()
		synctest.Wait()
		require.Nil(t, l.tell)
	})
}
