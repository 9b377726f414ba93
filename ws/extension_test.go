//go:build !js

package ws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerOffers(t *testing.T) {
	const yes, with15 = offer, offer + "; server_max_window_bits=15"
	tests := map[string]struct {
		header string // lines are separated by |
		want   string
		bad    bool // malformed
	}{
		"none":                              {"", "", false},
		"Firefox":                           {"permessage-deflate", yes, false},
		"Chromium":                          {"permessage-deflate; client_max_window_bits", yes, false},
		"window of the client":              {"permessage-deflate; client_max_window_bits=10", yes, false},
		"the smallest window of the client": {"permessage-deflate; client_max_window_bits=8", yes, false},
		"no takeover":                       {"permessage-deflate;server_no_context_takeover;client_no_context_takeover", yes, false},
		"everything":                        {"permessage-deflate; client_max_window_bits=15; server_max_window_bits=15; client_no_context_takeover; server_no_context_takeover", with15, false},
		"quoted":                            {`permessage-deflate; server_max_window_bits="15"`, with15, false},
		"quoted with a backslash":           {`permessage-deflate; server_max_window_bits="\15"`, with15, false},
		"spaces":                            {" \tpermessage-deflate \t;\t client_max_window_bits \t=\t 12 \t", yes, false},
		"empty elements":                    {",, permessage-deflate,,", yes, false},
		"another first":                     {"x-webkit-deflate-frame, permessage-deflate", yes, false},
		"another with a parameter":          {`foo; bar="baz"; a=b; a=c, permessage-deflate`, yes, false},
		"the second offer":                  {"permessage-deflate; server_max_window_bits=10, permessage-deflate", yes, false},
		"the first of two":                  {"permessage-deflate; server_max_window_bits=15, permessage-deflate", with15, false},
		"in two lines":                      {"foo|permessage-deflate", yes, false},

		// Declined (RFC 7692, section 7.1): nothing is compressed.
		"window of the server":             {"permessage-deflate; server_max_window_bits=14", "", false},
		"window of the server, no value":   {"permessage-deflate; server_max_window_bits", "", false},
		"window too small":                 {"permessage-deflate; client_max_window_bits=7", "", false},
		"window too large":                 {"permessage-deflate; client_max_window_bits=16", "", false},
		"window of 0":                      {"permessage-deflate; client_max_window_bits=0", "", false},
		"window with a leading zero":       {"permessage-deflate; client_max_window_bits=08", "", false},
		"window with a sign":               {"permessage-deflate; client_max_window_bits=+8", "", false},
		"negative window":                  {"permessage-deflate; client_max_window_bits=-9", "", false},
		"window of many digits":            {"permessage-deflate; client_max_window_bits=" + strings.Repeat("9", 5000), "", false},
		"window of 2^32+9":                 {"permessage-deflate; client_max_window_bits=4294967305", "", false},
		"window in hexadecimal":            {"permessage-deflate; client_max_window_bits=0xf", "", false},
		"window that is a word":            {"permessage-deflate; client_max_window_bits=large", "", false},
		"takeover with a value":            {"permessage-deflate; client_no_context_takeover=1", "", false},
		"the server's takeover with value": {"permessage-deflate; server_no_context_takeover=true", "", false},
		"unknown parameter":                {"permessage-deflate; level=9", "", false},
		"a parameter twice":                {"permessage-deflate; client_max_window_bits; client_max_window_bits", "", false},
		"a window twice":                   {"permessage-deflate; client_max_window_bits=15; client_max_window_bits=15", "", false},
		"takeover twice":                   {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", "", false},
		"a thousand parameters":            {"permessage-deflate" + strings.Repeat("; client_max_window_bits", 1000), "", false},
		"in capitals":                      {"PERMESSAGE-DEFLATE", "", false},
		"behind too many":                  {strings.Repeat("foo, ", maxExtensions) + "permessage-deflate", "", false},

		"no name":             {"; client_max_window_bits", "", true},
		"no parameter":        {"permessage-deflate;", "", true},
		"no value":            {"permessage-deflate; client_max_window_bits=", "", true},
		"empty quotes":        {`permessage-deflate; client_max_window_bits=""`, "", true},
		"open quotes":         {`permessage-deflate; client_max_window_bits="15`, "", true},
		"open escape":         {`permessage-deflate; client_max_window_bits="1\`, "", true},
		"quotes with a space": {`permessage-deflate; client_max_window_bits="1 5"`, "", true},
		"no comma":            {"permessage-deflate permessage-deflate", "", true},
		"equals first":        {"=permessage-deflate", "", true},
		"two equals":          {"permessage-deflate; client_max_window_bits==15", "", true},
		"not ASCII":           {"permessage-défl\u0061te", "", true},
		"control character":   {"permessage-deflate\x01", "", true},
		"behind a good one":   {"permessage-deflate, (", "", true},
		"in another line":     {"permessage-deflate|;", "", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			answer, ok := answerOffers(strings.Split(tc.header, "|"))
			require.Equal(t, !tc.bad, ok)
			require.Equal(t, tc.want, answer)
		})
	}
}

// The handshake has the answer, and only if the option is set.
func TestHandshakeWithCompression(t *testing.T) {
	tests := map[string]struct {
		opts   *Compression
		lines  string
		status int
		want   string
	}{
		"agreed on":       {&Compression{}, extensionsHeader + ": permessage-deflate; client_max_window_bits\r\n", 101, offer},
		"not offered":     {&Compression{}, "X-Other: permessage-deflate\r\n", 101, ""},
		"declined":        {&Compression{}, extensionsHeader + ": permessage-deflate; client_max_window_bits=99\r\n", 101, ""},
		"malformed":       {&Compression{}, extensionsHeader + ": permessage-deflate;;\r\n", 400, ""},
		"not set":         {nil, extensionsHeader + ": permessage-deflate\r\n", 101, ""},
		"malformed, none": {nil, extensionsHeader + ": permessage-deflate;;\r\n", 101, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			rejected := make(chan error, 1)
			l := newTestListener(&Options{Compression: tc.opts, OnReject: func(_ *http.Request, err error) { rejected <- err }})
			url, stop := serve(t, l, nil)
			defer stop()
			peer := dialRaw(t, url)
			peer.send(withLines(tc.lines))
			response, err := http.ReadResponse(peer.r, nil)
			require.NoError(t, err)
			require.Equal(t, tc.status, response.StatusCode)
			require.Equal(t, tc.want, response.Header.Get(extensionsHeader))
			if tc.status != http.StatusSwitchingProtocols {
				var why *RejectError
				require.ErrorAs(t, <-rejected, &why)
				require.Equal(t, RejectError{Status: 400, Reason: "malformed Sec-Websocket-Extensions"}, *why)
				return
			}
			c, err := l.Accept()
			require.NoError(t, err)
			defer c.Close()
			require.Equal(t, tc.want != "", c.(*conn).deflate != nil)
		})
	}
}

// What a server may answer to the offer of a dialer. Everything else fails the Dial (RFC 7692, section 7.1).
func TestReadAgreement(t *testing.T) {
	tests := map[string]struct {
		header     string
		compressed bool
		err        string
	}{
		"none":                     {"", false, ""},
		"as offered":               {offer, true, ""},
		"only what is required":    {"permessage-deflate; server_no_context_takeover", true, ""},
		"small window":             {"permessage-deflate; server_no_context_takeover; server_max_window_bits=8", true, ""},
		"with takeover":            {"permessage-deflate", false, "server_no_context_takeover"},
		"takeover by itself only":  {"permessage-deflate; client_no_context_takeover", false, "server_no_context_takeover"},
		"window of the client":     {offer + "; client_max_window_bits=10", false, "not offered"},
		"no window of the server":  {offer + "; server_max_window_bits", false, "invalid"},
		"window too small":         {offer + "; server_max_window_bits=7", false, "invalid"},
		"window too large":         {offer + "; server_max_window_bits=16", false, "invalid"},
		"unknown parameter":        {offer + "; level=9", false, "invalid"},
		"a parameter twice":        {offer + "; client_no_context_takeover", false, "invalid"},
		"another extension":        {"x-webkit-deflate-frame", false, "not offered"},
		"two extensions":           {offer + ", foo", false, "not offered"},
		"compression twice":        {offer + ", " + offer, false, "not offered"},
		"malformed":                {offer + ";", false, "malformed"},
		"malformed, and no answer": {"=", false, "malformed"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			compressed, err := readAgreement([]string{tc.header})
			require.Equal(t, tc.compressed, compressed)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

// A Dial fails with a typed error if the server agrees to something that was not offered, and does without compression if
// the server does not agree.
func TestDialWithCompression(t *testing.T) {
	tests := map[string]struct {
		opts       *Compression
		agreed     string
		compressed bool
		err        string
	}{
		"agreed":       {&Compression{}, offer, true, ""},
		"declined":     {&Compression{}, "", false, ""},
		"wrong":        {&Compression{}, "permessage-deflate", false, "server_no_context_takeover"},
		"not offered":  {nil, offer, false, "unsupported extension"},
		"not offered ": {nil, "", false, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			offered := make(chan string, 1)
			server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				offered <- r.Header.Get(extensionsHeader)
				up := &upgrade{ResponseWriter: w, agreed: tc.agreed}
				if acceptHandshake(up, r) == nil {
					up.stream.Close()
				}
			})
			url, stop := serve(t, server, nil)
			defer stop()
			c, err := Dialer(url, &DialOptions{Compression: tc.opts}).Dial(context.Background())
			want := ""
			if tc.opts != nil {
				want = offer
			}
			require.Equal(t, want, <-offered)
			if tc.err != "" {
				var answer *HandshakeError
				require.ErrorAs(t, err, &answer)
				require.Equal(t, http.StatusSwitchingProtocols, answer.Status)
				require.Contains(t, answer.Reason, tc.err)
				return
			}
			require.NoError(t, err)
			defer c.Close()
			require.Equal(t, tc.compressed, c.(*conn).deflate != nil)
		})
	}
}

// For all bytes the answer is one that the same rules accept.
func FuzzExtensions(f *testing.F) {
	for _, header := range []string{
		"permessage-deflate; client_max_window_bits", `foo; bar="b\az", permessage-deflate; server_max_window_bits=15`, ";", `a;b="`, ",,,",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		answer, ok := answerOffers([]string{header})
		if !ok && answer != "" {
			t.Fatalf("%q: %q", header, answer)
		}
		compressed, err := readAgreement([]string{answer})
		if err != nil || compressed != (answer != "") {
			t.Fatalf("%q: %q: %v", header, answer, err)
		}
	})
}

// An error of the options is not an error of the network.
func TestDialWithBadCompression(t *testing.T) {
	dialled := false
	_, err := Dialer("ws://localhost", &DialOptions{
		Compression: &Compression{Threshold: -1},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, errors.New("no network")
		},
	}).Dial(t.Context())
	require.EqualError(t, err, "ws: option Compression.Threshold is -1: it must not be negative")
	require.False(t, dialled)
}
