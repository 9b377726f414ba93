//go:build !js

package ws

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The server of the listener is told who was refused and why, without parts of the request
// that may be secret.
func TestTellRejected(t *testing.T) {
	handshake := map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	}
	tests := map[string]struct {
		change map[string]string
		status int
	}{
		"no upgrade":      {map[string]string{"Upgrade": ""}, 426},
		"another one":     {map[string]string{"Upgrade": "hunter2"}, 426},
		"no connection":   {map[string]string{"Connection": "hunter2"}, 426},
		"old version":     {map[string]string{"Sec-WebSocket-Version": "8"}, 400},
		"no key":          {map[string]string{"Sec-WebSocket-Key": ""}, 400},
		"endless upgrade": {map[string]string{"Upgrade": string(bytes.Repeat([]byte("x"), 20<<10))}, 426},
		"an URL":          {map[string]string{"Origin": "https://localhost/?token=hunter2"}, 403},
		"foreign origin":  {map[string]string{"Origin": "https://evil.example"}, 403},
		"no origin":       {map[string]string{"Origin": "\n" + string(bytes.Repeat([]byte("x"), 20<<10))}, 403},
		"large header":    {map[string]string{"X": string(bytes.Repeat([]byte("x"), 40<<10))}, 431},
		"no hijack":       {nil, 501},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(nil)
			type told struct {
				remote string
				err    error
			}
			var got []told
			l.TellRejected(func(remote string, err error) { got = append(got, told{remote, err}) })
			ask := func() *httptest.ResponseRecorder {
				r := httptest.NewRequest("GET", "/ws?token=hunter2", nil)
				r.RemoteAddr = "10.0.0.7:1234"
				for _, headers := range []map[string]string{handshake, tc.change} {
					for k, v := range headers {
						r.Header.Set(k, v)
					}
				}
				for _, secret := range []string{"Cookie", "Authorization", "Sec-WebSocket-Protocol"} {
					r.Header.Set(secret, "hunter2")
				}
				w := httptest.NewRecorder()
				l.ServeHTTP(w, r)
				return w
			}
			require.Equal(t, tc.status, ask().Code)
			require.Len(t, got, 1)
			require.Equal(t, "10.0.0.7:1234", got[0].remote)
			var reject *RejectError
			require.ErrorAs(t, got[0].err, &reject)
			require.Equal(t, tc.status, reject.Status)
			if tc.change["Upgrade"] == "" && tc.change["Connection"] == "" {
				require.NotContains(t, got[0].err.Error(), "hunter2")
			}
			require.Less(t, len(reject.Reason), 400)
			l.TellRejected(nil)
			ask()
			require.Len(t, got, 1)
		})
	}
}

// A reason has at most maxReject bytes, however much of a request it quotes. No code makes a reason
// without that bound.
func TestRejectReasonIsBounded(t *testing.T) {
	const longest = `origin "https://` + "…" + `" is not of this host "` + "…" + `"`
	r := httptest.NewRequest("GET", "/ws", nil)
	r.Host = strings.Repeat("\xff", 96) // quoted, each byte takes four
	r.Header.Set("Origin", "https://"+strings.Repeat("x", 200))
	l := newTestListener(nil)
	var got error
	l.TellRejected(func(_ string, err error) { got = err })
	l.ServeHTTP(httptest.NewRecorder(), r)
	var why *RejectError
	require.ErrorAs(t, got, &why)
	require.Greater(t, len(why.Reason), 4*96+len(longest))
	require.LessOrEqual(t, len(why.Reason), maxReject)

	for _, reason := range []string{strings.Repeat("x", maxReject), strings.Repeat("é", maxReject)} {
		for _, err := range []*RejectError{reject(400, reason), forbidden(reason), foreign(reason), unavailable(reason)} {
			require.LessOrEqual(t, len(err.Reason), maxReject)
			require.True(t, strings.HasSuffix(err.Reason, "…"), "it says that it was cut")
		}
	}
	require.Equal(t, "as it is", reject(400, "as it is").Reason)

	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	made := 0
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			made += strings.Count(string(b), "RejectError{")
		}
	}
	require.Equal(t, 1, made, "only reject makes a RejectError")
}
