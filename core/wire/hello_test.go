package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHelloVersionDefaultsToThisOne(t *testing.T) {
	h, err := ParseHello(oneFrame(t, AppendHello(nil, &Hello{})).Body, nil)
	require.NoError(t, err)
	require.Equal(t, &Hello{Version: Version}, h)
}

func TestHelloIsTheSameBytesEachTime(t *testing.T) {
	h := &Hello{Metadata: map[string]string{}}
	for _, key := range strings.Split("the quick brown fox jumps over the lazy dog", " ") {
		h.Metadata[key] = key
	}
	want := AppendHello(nil, h)
	for range 20 {
		require.Equal(t, want, AppendHello(nil, h))
	}
}

// A parsed hello outlives the read buffer.
func TestHelloDoesNotReferToBody(t *testing.T) {
	in := &Hello{
		Version: 1, Name: "ada", Groups: []string{"chat"}, Auth: []byte("secret"),
		Metadata: map[string]string{"app": "chat"}, Session: []byte("id"), Token: []byte("token"),
	}
	body := oneFrame(t, AppendHello(nil, in)).Body
	h, err := ParseHello(body, nil)
	require.NoError(t, err)
	clear(body)
	require.Equal(t, in, h)
}

// An empty group is sent: the peer is to see the mistake.
func TestHelloSendsEmptyGroup(t *testing.T) {
	_, err := ParseHello(oneFrame(t, AppendHello(nil, &Hello{Groups: []string{""}})).Body, nil)
	require.EqualError(t, err, "wire: hello: group: name is empty")
}

func TestHelloFaultsNameTheField(t *testing.T) {
	tests := map[string]struct {
		in   Hello
		want string
	}{
		"name":     {Hello{Name: "a\x1b[0m"}, `wire: hello: name: name "a\x1b[0m": control character "\x1b" at byte 1`},
		"group":    {Hello{Groups: []string{"ok", "\xff"}}, `wire: hello: group: name "\xff": not UTF-8 at byte 0`},
		"auth":     {Hello{Auth: make([]byte, DefaultMaxAuth+1)}, "wire: hello: auth: 8193 B exceeds limit 8192 B"},
		"metadata": {Hello{Metadata: map[string]string{"k": "\xff"}}, "wire: hello: metadata value: not UTF-8, 1 B"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseHello(oneFrame(t, AppendHello(nil, &tc.in)).Body, nil)
			require.EqualError(t, err, tc.want)
		})
	}
}
