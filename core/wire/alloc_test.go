package wire

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A peer can make parsing allocate no more than this, with the largest frames that the default
// limits allow.
func TestWorstCaseAllocation(t *testing.T) {
	version := []byte{byte(tagVersion), 1, 1}
	pairs := append([]byte(nil), version...) // as many pairs as fit
	for i := range 1200 {
		pairs = append(pairs, byte(tagMetadata), 3, 2)
		pairs = binary.BigEndian.AppendUint16(pairs, uint16(i/128<<8|i%128))
	}
	groups := append([]byte(nil), version...)
	for range 100_000 {
		groups = append(groups, byte(tagGroup), 1, 'g')
	}
	unknown := append([]byte(nil), version...)
	for range 100_000 {
		unknown = append(unknown, 99, 1, 'u')
	}
	auth := appendField(append([]byte(nil), version...), tagAuth, make([]byte, 1<<20))
	name := appendField(append([]byte(nil), version...), tagName, make([]byte, 1<<20))
	failure := appendString([]byte{1, 1}, make([]byte, 1<<20))
	tests := map[string]struct {
		parse func() error
		code  Code
		max   uint64
	}{
		"most metadata that is allowed": {parseHelloOf(pairs), CodeNone, maxParseAlloc},
		"very many groups":              {parseHelloOf(groups), CodeTooManyGroups, 32 << 10},
		"very many unknown fields":      {parseHelloOf(unknown), CodeNone, 32 << 10},
		"name of 1 MiB":                 {parseHelloOf(name), CodeBadName, 32 << 10},
		"auth of 1 MiB":                 {parseHelloOf(auth), CodeTooBig, 32 << 10},
		"field that says 1 GiB":         {parseHelloOf(append(append([]byte(nil), version...), 4, 0x80, 0x80, 0x80, 0x80, 0x04)), CodeProtocol, 32 << 10},
		"hello that says 1 GiB": {func() error {
			return firstError(Next([]byte{0x80, 0x80, 0x80, 0x80, 0x04, byte(KindHello)}, 0))
		}, CodeTooBig, 32 << 10},
		"joined that says 2^63 groups": {func() error {
			_, err := ParsePresence(appendUvarint([]byte{1, 'a'}, 1<<63), nil)
			return err
		}, CodeProtocol, 32 << 10},
		"renamed that says 2^63 bytes": {func() error {
			_, _, _, err := ParseRenamed(appendUvarint([]byte{1, 'o', 1, 'a'}, 1<<63), nil)
			return err
		}, CodeProtocol, 32 << 10},
		"failure with 1 MiB of text": {func() error {
			_, _, err := ParseFailure(failure)
			return err
		}, CodeTooBig, 32 << 10},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var err error
			n := allocated(func() { err = tc.parse() })
			if tc.code == CodeNone {
				require.NoError(t, err)
			} else {
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, tc.code, e.Code)
			}
			require.LessOrEqual(t, n, tc.max)
			t.Logf("%d B", n)
		})
	}
}

func parseHelloOf(body []byte) func() error {
	return func() error {
		_, err := ParseHello(body, nil)
		return err
	}
}
