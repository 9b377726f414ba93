//go:build !js

package ws

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseURL(t *testing.T) {
	tests := map[string]struct {
		secure        bool
		host, address string
	}{
		"ws://example.com":             {false, "example.com", "example.com:80"},
		"wss://example.com/path?query": {true, "example.com", "example.com:443"},
		"WS://Example.com:8080/":       {false, "example.com:8080", "example.com:8080"},
		"wss://[::1]?x":                {true, "[::1]", "[::1]:443"},
		"ws://[::1]:8080":              {false, "[::1]:8080", "[::1]:8080"},
		"ws://example.com?a@b":         {false, "example.com", "example.com:80"},
		"ws://[fe80::1%25eth0]:80/":    {false, "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
		"wss://[FE80::1%25Eth0]":       {true, "[fe80::1%Eth0]", "[fe80::1%Eth0]:443"},
		"ws://[fe80::1%25eth0]?x=%20":  {false, "[fe80::1%eth0]", "[fe80::1%eth0]:80"},
		"ws://[fe80::1%eth0]:8080/ws":  {false, "[fe80::1%eth0]:8080", "[fe80::1%eth0]:8080"},
		"ws://[fe80::1%2525]:8080":     {false, "[fe80::1%25]:8080", "[fe80::1%25]:8080"},
		"ws://[fe80::1%25br%2D0]:8080": {false, "[fe80::1%br-0]:8080", "[fe80::1%br-0]:8080"},
	}
	for url, want := range tests {
		t.Run(url, func(t *testing.T) {
			got, err := parseURL(url)
			require.NoError(t, err)
			require.Equal(t, want.secure, got.secure)
			require.Equal(t, want.host, got.host)
			require.Equal(t, want.address, got.address())
		})
	}
}

func TestWrongURLs(t *testing.T) {
	for name, url := range map[string]string{
		"empty":             "",
		"no scheme":         "example.com",
		"http":              "http://example.com",
		"tcp":               "tcp://example.com:6969",
		"no host":           "ws://",
		"no host but path":  "ws:///ws",
		"no host but port":  "ws://:8080",
		"empty port":        "ws://example.com:",
		"port 0":            "ws://example.com:0",
		"port too large":    "ws://example.com:65536",
		"port not a number": "ws://example.com:http",
		"IPv6 in the open":  "ws://::1",
		"open bracket":      "ws://[::1",
		"space":             "ws://example.com/a b",
		"newline":           "ws://example.com/\r\nX: y",
		"control character": "ws://example.com/\x1b",
		"fragment":          "ws://example.com/#there",
		"user":              "ws://ada:secret@example.com/",
		"not ASCII":         "ws://exämple.com/",
		"percent in host":   "ws://ex%61mple.com/",
		"empty zone":        "ws://[fe80::1%25]/",
		"zone with a space": "ws://[fe80::1%25a%20b]/",
		"zone of no end":    "ws://[fe80::1%25eth0",
		"zone of a name":    "ws://example.com%25eth0/",
		"zone outside":      "ws://[fe80::1]%25eth0/",
		"zone in brackets":  "ws://[fe80::1%25a%5Db]/",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dialer(url, nil).Dial(context.Background())
			var wrong *URLError
			require.ErrorAs(t, err, &wrong)
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}
