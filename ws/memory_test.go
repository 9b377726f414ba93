//go:build !js

package ws

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// inUse returns the memory in use, including stacks, in bytes.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // the first collection only ages pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// A connection keeps only the request of its handshake: no buffer of the HTTP
// server, and no goroutine of the library that makes handshakes.
func TestIdleConnIsSmall(t *testing.T) {
	const count = 300
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	defer stop()
	goroutines, before := runtime.NumGoroutine(), inUse()
	var near []net.Conn
	var conns []transport.Conn
	ended := make(chan error, count)
	for range count {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, goodHandshake)
		require.NoError(t, err)
		near = append(near, c)
		accepted, err := l.Accept()
		require.NoError(t, err)
		defer accepted.Close()
		conns = append(conns, accepted)
		go func() {
			_, _, err := accepted.(transport.ReadyReader).ReadReady(sizedPool(16 << 10))
			ended <- err
		}()
	}
	for _, c := range near {
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+count+2 }, transporttest.Patience, 1e6)
	each := (inUse() - before) / count
	t.Logf("%d B for both sockets, the conn, its request and its reader", each)
	require.Less(t, each, int64(10<<10))
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	for range conns {
		require.ErrorIs(t, <-ended, transport.ErrClosed)
	}
}

// A larger conn would take 64 bytes more: memory is handed out in size classes, and the runtime takes 8 bytes of
// each.
func TestConnFitsItsClass(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, reflect.TypeFor[conn]().Size(), uintptr(640-8))
	}
}
