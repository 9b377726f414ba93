//go:build !js

package ws

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// Reading goes on while another goroutine's message is being sent. After the message, the latest ping that
// has come meanwhile is answered.
func TestPingsDuringAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := pipePair(t, nil)
		writing := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("a message"))
			writing <- err
		}()
		synctest.Wait()
		reading := make(chan string, 1)
		go func() {
			got := make([]byte, len("going on"))
			io.ReadFull(c, got)
			reading <- string(got)
		}()
		for _, payload := range []string{"first", "second", strings.Repeat("x", maxControl)} {
			peer.sendFrame(opPing, payload)
		}
		peer.sendFrame(opBinary, "going on")
		require.Equal(t, "going on", <-reading)

		peer.wantFrame(opBinary, "a message")
		peer.wantFrame(opPong, strings.Repeat("x", maxControl))
		require.NoError(t, <-writing)
		go c.Read(make([]byte, 1))
		peer.sendFrame(opPing, "later")
		peer.wantFrame(opPong, "later")
		go c.CloseWrite()
		peer.wantClose(1000, "")
	})
}

// A pong that waits for a message is not sent after a close frame.
func TestPingBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := pipePair(t, nil)
		go c.CloseWrite()
		synctest.Wait() // until the close frame is under way
		reading := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			reading <- err
		}()
		peer.sendFrame(opPing, "too late")
		peer.sendFrame(opClose, closePayload(1000, ""))
		peer.wantClose(1000, "")
		require.ErrorIs(t, <-reading, io.EOF)
		require.NoError(t, c.Close())
		_, err := readFrame(peer.r)
		require.Equal(t, io.EOF, err)
	})
}

// A peer that breaks the protocol and does not read the close frame loses the connection.
func TestProtocolErrorWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := pipePair(t, nil)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(-time.Hour))) // this deadline does not hold for the close frame
		start := time.Now()
		reading := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			reading <- err
		}()
		peer.send("\x83\x80")
		require.Equal(t, error(errOpcode), <-reading)
		require.Equal(t, closeGrace, time.Since(start))
		time.Sleep(answerTime)
		_, err := peer.Conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, errOpcode)
	})
}

// A client refuses frames that only clients may send, and its close frame is masked.
func TestServerBreaksTheProtocol(t *testing.T) {
	tests := map[string]struct {
		in   string
		want error
		code int
	}{
		"masked":             {"\x82\x81\x00\x00\x00\x00x", errMasked, 1002},
		"masked ping":        {"\x89\x80\x00\x00\x00\x00", errMasked, 1002},
		"masked close":       {"\x88\x82\x00\x00\x00\x00\x03\xe8", errMasked, 1002},
		"reserved bit":       {"\xc2\x01x", errReserved, 1002},
		"reserved opcode":    {"\x83\x01x", errOpcode, 1002},
		"not minimal":        {"\x82\x7e\x00\x01x", errNotMinimal, 1002},
		"long ping":          {"\x89\x7e\x00\x7e" + strings.Repeat("x", 126), errControlLength, 1002},
		"stray continuation": {"\x80\x01x", errContinuation, 1002},
		"bad close code":     {"\x88\x02\x03\xed", errCloseCode, 1002},
		"reason not UTF-8":   {"\x88\x03\x03\xe8\xff", errCloseText, 1007},
		"text":               {"\x81\x01x", ErrText, 1003},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				c := newConn(near, nil, transport.Info{}, true)
				defer c.Close()
				got := startRead(c)
				peer := newRawPeer(t, far)
				go io.WriteString(far, "\x82\x06before"+tc.in) // perhaps not all of it is read
				head := make([]byte, 2)
				_, err := io.ReadFull(peer.r, head)
				require.NoError(t, err)
				require.Equal(t, byte(finBit|opClose), head[0])
				require.NotZero(t, head[1]&maskBit)
				body := make([]byte, 4+int(head[1]&^maskBit))
				_, err = io.ReadFull(peer.r, body)
				require.NoError(t, err)
				closed, wrong := parseClosePayload(slowMask(body[4:], [4]byte(body), 0))
				require.Nil(t, wrong)
				require.Equal(t, tc.code, closed.Code)
				text, err := got()
				require.Equal(t, "before", text)
				require.Equal(t, tc.want, err)
			})
		})
	}
}

// A passed read deadline loses no bytes: reading can go on, also inside a header.
func TestReadingGoesOnAfterADeadline(t *testing.T) {
	peer, c := rawPair(t)
	wire := string(appendFrame(nil, frame{opBinary, true, strings.Repeat("x", 300)}))
	for i, cut := range []int{1, 3, 7, 100, len(wire)} {
		peer.send(wire[:cut])
		wire = wire[min(cut, len(wire)):]
		require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
		_, err := c.Read(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		if i == 3 {
			break
		}
	}
	peer.send(wire)
	got := make([]byte, 300)
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("x", 300), string(got))
}

// Pings allocate nothing.
func TestPingsAllocateNothing(t *testing.T) {
	peer, c := rawPair(t)
	pool := newBufferPool()
	frames := appendFrame(nil, frame{opPing, true, "are you there"})
	for range 100 {
		frames = appendFrame(frames, frame{opBinary, true, ""})
	}
	frames = appendFrame(frames, frame{opBinary, true, "x"})
	pong := make([]byte, 2+len("are you there"))
	require.Less(t, testing.AllocsPerRun(200, func() {
		if _, err := peer.Conn.Write(frames); err != nil {
			panic(err)
		}
		buf, n, err := c.ReadReady(pool)
		if err != nil || n != 1 {
			panic(err)
		}
		pool.Put(buf)
		if _, err := io.ReadFull(peer.r, pong); err != nil {
			panic(err)
		}
	}), 1.0)
}

// The stream of a peer that has gone before its ping was answered is still read to the end.
func TestPingOfAPeerThatIsGone(t *testing.T) {
	peer, c := rawPair(t)
	peer.sendFrame(opPing, "first")
	message := strings.Repeat("x", 100<<10)
	peer.sendFrame(opBinary, message)
	require.NoError(t, peer.Conn.(*net.TCPConn).SetLinger(0))
	require.NoError(t, peer.Close())
	got := make([]byte, len(message))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, message, string(got))
	_, err = c.Read(got)
	require.Error(t, err)
}
