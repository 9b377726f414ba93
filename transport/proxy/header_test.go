//go:build !js

package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// v2 returns a header of version 2.
func v2(cmd, family byte, body ...byte) string {
	return signature + string([]byte{cmd, family, byte(len(body) >> 8), byte(len(body))}) + string(body)
}

var (
	ends4    = []byte{203, 0, 113, 7, 192, 0, 2, 1, 0xd4, 0x31, 0x1b, 0x39}
	ends6    = append(append(netip.MustParseAddr("2001:db8::7").AsSlice(), netip.MustParseAddr("2001:db8::1").AsSlice()...), 0xd4, 0x31, 0x1b, 0x39)
	endsUnix = make([]byte, addrSizeUnix)

	source4 = Source{From: netip.MustParseAddrPort("203.0.113.7:54321"), To: netip.MustParseAddrPort("192.0.2.1:6969")}
	source6 = Source{From: netip.MustParseAddrPort("[2001:db8::7]:54321"), To: netip.MustParseAddrPort("[2001:db8::1]:6969")}
)

var goodHeaders = map[string]struct {
	in   string
	want Source
}{
	"1, IPv4":                {"PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n", source4},
	"1, IPv6":                {"PROXY TCP6 2001:db8::7 2001:db8::1 54321 6969\r\n", source6},
	"1, short":               {"PROXY UNKNOWN\r\n", Source{}},
	"1, unknown with more":   {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Source{}},
	"1, as long as it may":   {"PROXY UNKNOWN" + strings.Repeat(" ", maxLine-minLine) + "\r\n", Source{}},
	"2, IPv4":                {v2(0x21, 0x11, ends4...), source4},
	"2, IPv6":                {v2(0x21, 0x21, ends6...), source6},
	"2, IPv4 in IPv6":        {v2(0x21, 0x21, append(append(netip.MustParseAddr("::ffff:203.0.113.7").AsSlice(), netip.MustParseAddr("::ffff:192.0.2.1").AsSlice()...), 0xd4, 0x31, 0x1b, 0x39)...), source4},
	"2, with more behind":    {v2(0x21, 0x11, append(ends4, make([]byte, 60_000)...)...), source4},
	"2, Unix":                {v2(0x21, 0x31, endsUnix...), Source{Unix: true}},
	"2, local":               {v2(0x20, 0x00), Source{}},
	"2, local with anything": {v2(0x20, 0xff, make([]byte, 700)...), Source{}},
	"2, unspecified":         {v2(0x21, 0x00, 1, 2, 3), Source{}},
}

// A header is read to its end, in pieces of any size, and no byte after it is read.
func TestHeader(t *testing.T) {
	for name, tc := range goodHeaders {
		t.Run(name, func(t *testing.T) {
			for _, one := range []bool{false, true} {
				rest := strings.NewReader(tc.in + "rest")
				from := io.Reader(rest)
				if one {
					from = iotest.OneByteReader(rest)
				}
				var r HeaderReader
				got, err := r.Read(from)
				require.NoError(t, err)
				require.Equal(t, tc.want, got)
				left, err := io.ReadAll(rest)
				require.NoError(t, err)
				require.Equal(t, "rest", string(left))
			}
		})
	}
}

// A deadline may pass at any byte.
func TestHeaderGoesOn(t *testing.T) {
	for name, tc := range goodHeaders {
		t.Run(name, func(t *testing.T) {
			from := &stuttering{rest: []byte(tc.in)}
			var r HeaderReader
			for {
				got, err := r.Read(from)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					continue
				}
				require.NoError(t, err)
				require.Equal(t, tc.want, got)
				return
			}
		})
	}
}

// A stuttering reader fails between any two bytes.
type stuttering struct {
	rest []byte
	dry  bool
}

func (s *stuttering) Read(p []byte) (int, error) {
	if s.dry = !s.dry; s.dry {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p[:min(1, len(p))], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

var badHeaders = map[string]string{
	"of a hisock client":     "\x00HS\x01",
	"of HTTP":                "GET / HTTP/1.1\r\n",
	"of a word like it":      "PROXIES TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n",
	"in lower case":          "proxy TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n",
	"another signature":      "\r\n\r\n\x00\r\nQUIT\r\x21\x11",
	"1, without addresses":   "PROXY TCP4      \r\n",
	"1, names":               "PROXY TCP4 localhost 192.0.2.1 54321 6969\r\n",
	"1, the other family":    "PROXY TCP4 2001:db8::7 2001:db8::1 54321 6969\r\n",
	"1, IPv4 as IPv6":        "PROXY TCP6 203.0.113.7 192.0.2.1 54321 6969\r\n",
	"1, zone":                "PROXY TCP6 fe80::1%eth0 2001:db8::1 54321 6969\r\n",
	"1, port too large":      "PROXY TCP4 203.0.113.7 192.0.2.1 65536 6969\r\n",
	"1, port with zero":      "PROXY TCP4 203.0.113.7 192.0.2.1 0123 6969\r\n",
	"1, port with sign":      "PROXY TCP4 203.0.113.7 192.0.2.1 +123 6969\r\n",
	"1, no port":             "PROXY TCP4 203.0.113.7 192.0.2.1  6969\r\n",
	"1, two spaces":          "PROXY TCP4  203.0.113.7 192.0.2.1 54321 6969\r\n",
	"1, too much":            "PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969 1\r\n",
	"1, line feed only":      "PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969\n",
	"1, without end":         "PROXY UNKNOWN" + strings.Repeat("x", 200),
	"1, other family":        "PROXY UDP4 203.0.113.7 192.0.2.1 54321 6969\r\n",
	"2, another version":     v2(0x31, 0x11, ends4...),
	"2, another command":     v2(0x22, 0x11, ends4...),
	"2, another family":      v2(0x21, 0x41, ends4...),
	"2, another transport":   v2(0x21, 0x13, ends4...),
	"2, datagrams":           v2(0x21, 0x12, ends4...),
	"2, too short":           v2(0x21, 0x11, ends4[:11]...),
	"2, too short for IPv6":  v2(0x21, 0x21, ends4...),
	"2, too short for Unix":  v2(0x21, 0x31, ends6...),
	"2, no addresses at all": v2(0x21, 0x11),
}

// Bytes that are no header are refused as soon as that is clear, without waiting for more.
func TestHeaderRefuses(t *testing.T) {
	for name, in := range badHeaders {
		t.Run(name, func(t *testing.T) {
			var r HeaderReader
			_, err := r.Read(strings.NewReader(in))
			require.Error(t, err)
			require.NotErrorIs(t, err, io.EOF)
			require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
		})
	}
	var r HeaderReader
	_, err := r.Read(strings.NewReader("\x00"))
	require.ErrorIs(t, err, ErrNoHeader, "found by its first byte")
}

func TestHeaderCutShort(t *testing.T) {
	for name, tc := range goodHeaders {
		t.Run(name, func(t *testing.T) {
			for i := range min(len(tc.in), 400) {
				var r HeaderReader
				_, err := r.Read(strings.NewReader(tc.in[:i]))
				require.ErrorIs(t, err, io.EOF)
			}
		})
	}
}

// A header that announces a great length costs no more memory.
func TestHeaderAllocatesNothing(t *testing.T) {
	in := []byte(v2(0x21, 0x11, append(ends4, make([]byte, 60_000)...)...))
	from := bytes.NewReader(in)
	r := new(HeaderReader)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		*r = HeaderReader{}
		from.Reset(in)
		if _, err := r.Read(from); err != nil {
			t.Fatal(err)
		}
	}))
}

func FuzzHeader(f *testing.F) {
	for _, tc := range goodHeaders {
		f.Add([]byte(tc.in))
	}
	for _, in := range badHeaders {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := bytes.NewReader(in)
		var r, r1 HeaderReader
		got, err := r.Read(whole)
		bytewise := bytes.NewReader(in)
		got1, err1 := r1.Read(iotest.OneByteReader(bytewise))
		require.Equal(t, err == nil, err1 == nil)
		require.Equal(t, got, got1)
		if err != nil {
			require.Equal(t, Source{}, got)
			return
		}
		require.Equal(t, whole.Len(), bytewise.Len(), "bytes behind the header")
		require.Equal(t, got.From.IsValid(), got.To.IsValid())
		used := in[:len(in)-whole.Len()]
		if used[0] == 'P' {
			require.LessOrEqual(t, len(used), maxLine)
			require.True(t, bytes.HasSuffix(used, []byte("\r\n")))
		} else {
			require.Equal(t, int(used[14])<<8|int(used[15]), len(used)-fixedSize)
		}
	})
}
