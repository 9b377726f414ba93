//go:build !js

package hostile_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// compressionAttacks come over WebSockets whose server has agreed to compression.
var compressionAttacks = map[string]attack{
	"compressed bomb, one large frame": {
		media: []string{"ws"}, tries: [2]int{20, 500}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			bomb := compressed(append(binary.AppendUvarint(nil, 64<<20), make([]byte, 64<<10)...), 1000)
			for range tries {
				a.compressing().Write(bomb) //nolint:errcheck // the server need not read all of it
				a.leaves(core.CodeTooBig)
			}
			a.worst()
			return "disconnected: too big"
		},
	},
	"compressed bomb, many small frames": {
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: 5000}},
		media: []string{"ws"}, tries: [2]int{5, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			bomb := compressed(bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 10_000), 100)
			for range tries {
				a.compressing().Write(bomb) //nolint:errcheck // the server need not read all of it
				a.leaves(core.CodeRateLimit)
			}
			a.worst()
			require.Less(a, a.handled.Load(), int64(tries)*20_000)
			return "disconnected: rate limit exceeded"
		},
	},
	"compressed bomb, without limits of core": {
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: -1, ByteRate: -1}},
		media: []string{"ws"}, tries: [2]int{2, 50}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			bomb := compressed(bytes.Repeat(wire.AppendCommand(nil, "flood", make([]byte, 32<<10)), 10), 100)
			require.Less(a, len(bomb), 80<<10, "more than 1:400")
			for range tries {
				a.breaks(bomb, 1009)
			}
			a.worst()
			return "closed: 1009"
		},
	},
	"compressed data that is none": {
		media: []string{"ws"}, tries: [2]int{36, 1000}, grows: 16 << 10,
		run: corruptCompression,
	},
	"compressed messages that are begun and not ended": {
		media: []string{"ws"}, tries: [2]int{100, 500}, grows: 48 << 10,
		run: func(a *arena, tries int) string {
			begun := compressed(bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 100), 1)
			begun[0] &^= 0x80
			var peers []*harness.Socket
			for range tries {
				p := a.compressing()
				p.Bytes(begun)
				peers = append(peers, p)
			}
			time.Sleep(100 * time.Millisecond) // until all are read
			a.worst()
			for _, p := range peers {
				require.NoError(a, p.Close())
				a.leaves(core.CodeConnLost)
			}
			return "an inflater and a buffer each, until they go"
		},
	},
	"compressed fragments of nothing": {
		media: []string{"ws"}, tries: [2]int{3, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			begun, empty := fragment(0x42, nil), fragment(0x00, nil)
			var block []byte // an empty block without compression, in a fragment for each byte
			for _, b := range []byte("\x00\x00\x00\xff\xff") {
				block = append(block, fragment(0x00, []byte{b})...)
			}
			flood := append(bytes.Repeat(empty, 5000), bytes.Repeat(block, 5000)...)
			for i := range tries {
				p := a.compressing()
				p.Bytes(begun)
				p.Bytes(flood)
				p.Bytes(fragment(0x80, compressed(wire.AppendCommand(nil, "flood", nil), 1)[6:]))
				require.Eventually(a, func() bool { return a.handled.Load() == int64(i+1) }, transporttest.Patience, time.Millisecond)
				require.NoError(a, p.Close())
				a.leaves(core.CodeConnLost)
			}
			a.worst()
			return "nothing; what comes behind it is read"
		},
	},
	"absurd offers of compression": {
		media: []string{"ws"}, tries: [2]int{60, 2000}, grows: 16 << 10,
		run: absurdOffers,
	},
}

// compressed returns a compressed message of a client in one frame, with a mask of zeros. The message inflates to that many
// copies of payload.
func compressed(payload []byte, copies int) []byte {
	var b bytes.Buffer
	w := coretest.Must(flate.NewWriter(&b, flate.BestCompression))
	w.Write(payload) //nolint:errcheck // b takes everything
	w.Flush()        //nolint:errcheck // b takes everything
	return fragment(0xc2, bytes.TrimSuffix(bytes.Repeat(b.Bytes(), copies), []byte("\x00\x00\xff\xff")))
}

// fragment returns a frame of a client, with a mask of zeros.
func fragment(first byte, payload []byte) []byte {
	f := []byte{first, 0x80 | byte(len(payload))}
	switch n := len(payload); {
	case n >= 1<<16:
		f[1] = 0x80 | 127
		f = binary.BigEndian.AppendUint64(f, uint64(n))
	case n >= 126:
		f[1] = 0x80 | 126
		f = binary.BigEndian.AppendUint16(f, uint16(n))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

// compressing connects a client by hand over a WebSocket for which compression was agreed on.
func (a *arena) compressing() *harness.Socket {
	a.Helper()
	p, response := a.net.Upgrade(a.T, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
	require.Contains(a, response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
	p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{}))
	op, _ := p.Want()
	require.EqualValues(a, harness.OpBinary, op, "the welcome")
	return p
}

// breaks sends bytes for which the server must close the WebSocket with that code.
func (a *arena) breaks(in []byte, code int) {
	a.Helper()
	p := a.compressing()
	p.Write(in) //nolint:errcheck // the server need not read all of it
	p.WantClose(code, "")
	d := coretest.Next(a.T, a.left)
	var broken *ws.ProtocolError
	require.ErrorAs(a, d.Why, &broken)
	require.Equal(a, code, broken.Code)
}

// corruptCompression sends data that cannot be inflated, and the bit of compressed messages where it must not be.
func corruptCompression(a *arena, tries int) string {
	whole := compressed(bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 10), 1)
	payload := whole[6:]
	faults := []struct {
		in   []byte
		code int
	}{
		{fragment(0xc2, payload[:len(payload)/2]), 1007},                   // cut off
		{fragment(0xc2, []byte("\xff\xff\xff\xff")), 1007},                 // a reserved type of block
		{fragment(0xc2, []byte("\x00\x05\x00\xfa\xfe\x48\x65\x6c")), 1007}, // a length that is not confirmed
		{fragment(0xc2, []byte("\xf2\x00\x11\x00\x00")), 1007},             // refers to the message before
		{append(fragment(0x42, payload[:5]), fragment(0xc0, payload[5:])...), 1002},
		{append(fragment(0x02, nil), fragment(0xc0, payload)...), 1002},
		{fragment(0xc9, nil), 1002}, // a ping
		{fragment(0xca, nil), 1002}, // a pong
		{fragment(0xc8, []byte("\x03\xe8")), 1002},
		{fragment(0xe2, payload), 1002}, // with a second reserved bit
		{fragment(0xa2, payload), 1002},
		{append(fragment(0x42, payload[:5]), whole...), 1002}, // a message inside of another
	}
	for i := range tries {
		a.breaks(faults[i%len(faults)].in, faults[i%len(faults)].code)
	}
	a.worst()
	return "closed: 1002, 1007"
}

// absurdOffers offers compression in ways that must be declined or refused. A compressed message is then an error.
func absurdOffers(a *arena, tries int) string {
	offers := []struct {
		value  string
		status int
	}{
		{"permessage-deflate; client_max_window_bits=7", 101},
		{"permessage-deflate; client_max_window_bits=16", 101},
		{"permessage-deflate; server_max_window_bits=99999999999999999999", 101},
		{"permessage-deflate; server_max_window_bits=8", 101},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", 101},
		{"permessage-deflate; level=9", 101},
		{"permessage-deflate; client_no_context_takeover=yes", 101},
		{"permessage-deflate" + strings.Repeat("; client_max_window_bits", 1000), 101},
		{strings.Repeat("permessage-deflate; server_max_window_bits=8, ", 500), 101},
		{"permessage-deflate; client_max_window_bits=\"15", 400},
		{"permessage-deflate;;", 400},
		{strings.Repeat("=", 1000), 400},
	}
	for i := range tries {
		offer := offers[i%len(offers)]
		p, response := a.net.Upgrade(a.T, "Sec-WebSocket-Extensions: "+offer.value)
		require.Equal(a, offer.status, response.StatusCode, "%.100s", offer.value)
		require.Empty(a, response.Header.Get("Sec-WebSocket-Extensions"))
		if offer.status != http.StatusSwitchingProtocols {
			var rejected *ws.RejectError
			require.ErrorAs(a, coretest.Next(a.T, a.net.Rejected), &rejected)
			require.Equal(a, offer.status, rejected.Status)
			continue
		}
		p.Frame(harness.OpBinary, coretest.Hello(wire.Hello{}))
		p.Want()
		p.Bytes(compressed(wire.AppendCommand(nil, "flood", nil), 1))
		p.WantClose(1002, "")
		a.leaves(core.CodeConnLost)
	}
	a.worst()
	require.Zero(a, a.handled.Load())
	return "declined, or refused: 400"
}
