//go:build !js

package ws

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeaders(t *testing.T) {
	tests := map[string]struct {
		wire string
		h    header
	}{
		"empty":                {"\x82\x00", header{opBinary, true, false, false, 0, 0}},
		"not the last":         {"\x02\x00", header{opBinary, false, false, false, 0, 0}},
		"continuation":         {"\x00\x01", header{opContinuation, false, false, false, 0, 1}},
		"text":                 {"\x81\x7d", header{opText, true, false, false, 0, 125}},
		"shortest of 16 bits":  {"\x82\x7e\x00\x7e", header{opBinary, true, false, false, 0, 126}},
		"longest of 16 bits":   {"\x82\x7e\xff\xff", header{opBinary, true, false, false, 0, 65535}},
		"shortest of 64 bits":  {"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", header{opBinary, true, false, false, 0, 65536}},
		"longest of 64 bits":   {"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", header{opBinary, true, false, false, 0, 1<<63 - 1}},
		"masked":               {"\x82\x81\x01\x02\x03\x04", header{opBinary, true, true, false, 0x04030201, 1}},
		"masked, of 16 bits":   {"\x82\xfe\x01\x00\x01\x02\x03\x04", header{opBinary, true, true, false, 0x04030201, 256}},
		"masked, of 64 bits":   {"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00\xff\x00\x00\x00", header{opBinary, true, true, false, 0xff, 65536}},
		"compressed":           {"\xc2\x05", header{opBinary, true, false, true, 0, 5}},
		"compressed, begins":   {"\x42\x85\x01\x02\x03\x04", header{opBinary, false, true, true, 0x04030201, 5}},
		"close":                {"\x88\x02", header{opClose, true, false, false, 0, 2}},
		"longest ping":         {"\x89\x7d", header{opPing, true, false, false, 0, 125}},
		"masked pong, no data": {"\x8a\x80\x00\x00\x00\x00", header{opPong, true, true, false, 0, 0}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for cut := range len(tc.wire) {
				_, size, wrong := parseHeader([]byte(tc.wire[:cut]), tc.h.masked, tc.h.compressed)
				require.Nil(t, wrong)
				require.Zero(t, size, "half a header is taken for a whole one")
			}
			h, size, wrong := parseHeader([]byte(tc.wire+"payload"), tc.h.masked, tc.h.compressed)
			require.Nil(t, wrong)
			require.Equal(t, len(tc.wire), size)
			require.Equal(t, tc.h, h)
			require.Equal(t, "before"+tc.wire, string(appendHeader([]byte("before"), h)))
		})
	}
}

func TestWrongHeaders(t *testing.T) {
	tests := map[string]struct {
		wire     string // bytes up to the first wrong byte
		masked   bool
		want     *ProtocolError
		inflates bool
	}{
		"first reserved bit":         {"\xc2\x00", false, errReserved, false},
		"second reserved bit":        {"\xa2\x00", false, errReserved, false},
		"third reserved bit":         {"\x92\x00", false, errReserved, false},
		"opcode 3":                   {"\x83\x00", false, errOpcode, false},
		"opcode 7":                   {"\x87\x00", false, errOpcode, false},
		"opcode 11":                  {"\x8b\x00", false, errOpcode, false},
		"opcode 15":                  {"\x8f\x00", false, errOpcode, false},
		"client without mask":        {"\x82\x00", true, errUnmasked, false},
		"server with mask":           {"\x82\x80", false, errMasked, false},
		"ping in fragments":          {"\x09\x00", false, errControlFragment, false},
		"ping of 126":                {"\x89\x7e", false, errControlLength, false},
		"ping of 16 bits":            {"\x89\xfe", true, errControlLength, false},
		"ping of 64 bits":            {"\x89\x7f", false, errControlLength, false},
		"125 in 16 bits":             {"\x82\x7e\x00\x7d", false, errNotMinimal, false},
		"0 in 64 bits":               {"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x00", false, errNotMinimal, false},
		"65535 in 64 bits":           {"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", false, errNotMinimal, false},
		"2^63":                       {"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", false, errLength, false},
		"2^64-1":                     {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", true, errLength, false},
		"125 in 16 bits of a client": {"\x82\xfe\x00\x7d", true, errNotMinimal, false},

		"compressed, opcode 3":       {"\xc3\x00", false, errOpcode, true},
		"compressed ping":            {"\xc9\x00", false, errCompressedBit, true},
		"compressed close":           {"\xc8\x00", false, errCompressedBit, true},
		"compressed continuation":    {"\xc0\x00", false, errCompressedBit, true},
		"compressed and another bit": {"\xe2\x00", false, errReserved, true},
		"second bit where it may be": {"\xa2\x00", false, errReserved, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, size, wrong := parseHeader([]byte(tc.wire), tc.masked, tc.inflates)
			require.Equal(t, tc.want, wrong)
			require.Zero(t, size)
			_, size, wrong = parseHeader([]byte(tc.wire[:len(tc.wire)-1]), tc.masked, tc.inflates)
			require.Nil(t, wrong)
			require.Zero(t, size)
		})
	}
}

func TestControlFrames(t *testing.T) {
	require.Equal(t, "\x8a\x03abc", string(appendControl(nil, header{}, opPong, []byte("abc"))))
	masked := header{masked: true, key: 0x04030201}
	require.Equal(t, "\x88\x85\x01\x02\x03\x04\x02\xeaa}d",
		string(appendControl(nil, masked, opClose, appendClosePayload(nil, 1000, "bye"))))
	require.Equal(t, "\x88\x00", string(appendControl(nil, header{}, opClose, appendClosePayload(nil, codeNone, ""))))
}

func TestClosePayloads(t *testing.T) {
	for code := range 1 << 16 {
		var want error
		if code < 1000 || code == 1004 || code == 1005 || code == 1006 || code > 1014 && code < 3000 || code > 4999 {
			want = errCloseCode
		}
		closed, wrong := parseClosePayload(binary.BigEndian.AppendUint16(nil, uint16(code)))
		if want != nil {
			require.Equal(t, want, error(wrong), code)
			continue
		}
		require.Nil(t, wrong, code)
		require.Equal(t, &CloseError{Code: code}, closed)
	}
	tests := map[string]struct {
		payload string
		want    CloseError
		wrong   *ProtocolError
	}{
		"nothing":          {payload: "", want: CloseError{Code: codeNone}},
		"one byte":         {payload: "\x03", wrong: errCloseLength},
		"with a reason":    {payload: closePayload(1001, "bye"), want: CloseError{1001, "bye"}},
		"longest":          {payload: closePayload(4000, strings.Repeat("x", 123)), want: CloseError{4000, strings.Repeat("x", 123)}},
		"in UTF-8":         {payload: closePayload(1000, "κόσμε"), want: CloseError{1000, "κόσμε"}},
		"cut in a rune":    {payload: closePayload(1000, "κ"[:1]), wrong: errCloseText},
		"overlong":         {payload: closePayload(1000, "\xc0\x80"), wrong: errCloseText},
		"surrogate":        {payload: closePayload(1000, "\xed\xa0\x80"), wrong: errCloseText},
		"wrong in two":     {payload: closePayload(1005, "\xff"), wrong: errCloseCode},
		"replacement rune": {payload: closePayload(1000, "\ufffd"), want: CloseError{1000, "\ufffd"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			closed, wrong := parseClosePayload([]byte(tc.payload))
			require.Equal(t, tc.wrong, wrong)
			if tc.wrong == nil {
				require.Equal(t, tc.want, *closed)
				require.Equal(t, tc.payload, string(appendClosePayload(nil, closed.Code, closed.Reason)))
			}
		})
	}
}

// Every reason of this package fits into a close frame and is UTF-8.
func TestProtocolErrors(t *testing.T) {
	for _, e := range []*ProtocolError{
		errReserved, errOpcode, errUnmasked, errMasked, errLength, errNotMinimal, errControlFragment,
		errControlLength, errInside, errContinuation, errCloseLength, errCloseCode, errCloseText,
	} {
		require.LessOrEqual(t, len(e.Reason), maxReason)
		_, wrong := parseClosePayload(appendClosePayload(nil, e.Code, e.Reason))
		require.Nil(t, wrong)
		require.EqualError(t, e, "ws: the peer broke the protocol: "+e.Reason)
	}
}
