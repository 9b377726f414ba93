package soak_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// slowPath is set in the process that has its own loopback device with 512 kbit/s.
const slowPath = "HISOCK_TEST_SLOW_PATH"

// TestAgeOverSlowPath sends frames of 100 B, faster than a path of 512 kbit/s takes them, to a client
// whose queue keeps only the latest. Their age on arrival depends on the bytes that the kernel keeps
// unsent, which UnsentBytes bounds. The test needs the right to make a network namespace and to shape
// traffic in it. It runs only in the long form.
func TestAgeOverSlowPath(t *testing.T) {
	switch {
	case os.Getenv(slowPath) != "":
		measureAges(t)
		return
	case os.Getenv("HISOCK_SOAK") == "":
		t.Skip("it takes two minutes: HISOCK_SOAK=1")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAgeOverSlowPath$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), slowPath+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 || strings.Contains(string(out), "no slow path") {
		t.Skipf("no network namespace: %v %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, figures, ok := strings.Cut(line, "soak: "); ok {
			t.Log("soak: " + strings.TrimSpace(figures))
		}
	}
	require.NoError(t, err, "%s", out)
}

// slowDown makes the loopback device of this namespace a path of 512 kbit/s, with a short queue.
func slowDown(t *testing.T) {
	for _, line := range []string{
		"ip link set lo mtu 1500 up",
		"tc qdisc add dev lo root tbf rate 512kbit burst 3000 latency 50ms",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no slow path: %s: %v %s", line, err, out)
		}
	}
}

func measureAges(t *testing.T) {
	slowDown(t)
	median := map[string]time.Duration{}
	for _, medium := range []string{"tcp", "ws"} {
		for _, o := range []struct {
			name         string
			send, unsent int
		}{
			{name: "default"},
			{name: "UnsentBytes 16 KiB", unsent: 16 << 10},
			{name: "UnsentBytes 4 KiB", unsent: 4 << 10},
			{name: "SendBuffer 16 KiB", send: 16 << 10},
			{name: "both 16 KiB", send: 16 << 10, unsent: 16 << 10},
		} {
			name := medium + ", " + o.name
			ages := agesOver(t, medium, o.send, o.unsent)
			slices.Sort(ages)
			median[name] = ages[len(ages)/2]
			t.Logf("soak: %-24s %4d frames/s, age: median %4d ms, 99 %% %4d ms, worst %4d ms", name, len(ages)/int(ageTime/time.Second),
				median[name].Milliseconds(), ages[len(ages)*99/100].Milliseconds(), ages[len(ages)-1].Milliseconds())
		}
		require.Less(t, median[medium+", UnsentBytes 16 KiB"], median[medium+", default"]/2)
	}
}

const (
	fillTime = 4 * time.Second // the buffers fill meanwhile
	ageTime  = 5 * time.Second
)

// agesOver returns the ages of the frames that arrive within ageTime, once the buffers are full.
func agesOver(t *testing.T, medium string, send, unsent int) []time.Duration {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv := harness.NewServer(&core.ServerOptions{Logger: core.Silent, Overflow: core.OverflowLatest, Limits: core.Limits{QueueBytes: 16 << 10}})
	var l transport.Listener
	var d transport.Dialer
	if medium == "tcp" {
		listener := coretest.Must(tcp.Listen("127.0.0.1:0", &tcp.Options{SendBuffer: send, UnsentBytes: unsent}))
		l, d = listener, tcp.Dialer(listener.Addr(), nil)
	} else {
		listener := coretest.Must(ws.NewListener(&ws.Options{SendBuffer: send, UnsentBytes: unsent}))
		web := httptest.NewServer(http.Handler(listener))
		defer web.Close()
		l, d = listener, ws.Dialer("ws"+strings.TrimPrefix(web.URL, "http"), nil)
	}
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown
	cl := harness.NewClient(d, &core.ClientOptions{Name: "ada"})
	began := time.Now()
	var ages []time.Duration
	var full atomic.Bool
	commands := make([]string, 40)
	for i := range commands {
		commands[i] = fmt.Sprint("position", i)
		core.On(cl, commands[i], func(_ context.Context, _ *core.Conn, p []byte) error {
			if full.Load() {
				ages = append(ages, time.Since(began)-time.Duration(binary.BigEndian.Uint64(p)))
			}
			return nil
		})
	}
	require.NoError(t, cl.Connect(ctx))
	p := make([]byte, 100)
	to := srv.Named("ada")
	for time.Since(began) < fillTime+ageTime { // 2,400 frames a second; the path takes some 500
		full.Store(time.Since(began) > fillTime)
		for _, command := range commands {
			binary.BigEndian.PutUint64(p, uint64(time.Since(began)))
			require.NoError(t, to.SendBytes(command, p))
		}
		time.Sleep(time.Second / 60)
	}
	full.Store(false)
	cl.Close()
	<-cl.Done()
	require.NoError(t, srv.Shutdown(ctx))
	return ages
}
