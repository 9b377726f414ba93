package wire

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWelcomeVersionDefaultsToThisOne(t *testing.T) {
	w, err := ParseWelcome(oneFrame(t, AppendWelcome(nil, &Welcome{})).Body, nil)
	require.NoError(t, err)
	require.Equal(t, &Welcome{Version: Version}, w)
}

func TestWelcomeDoesNotReferToBody(t *testing.T) {
	in := &Welcome{
		Version: 1, Session: []byte("id"), Token: []byte("token"), Heartbeat: time.Second,
		Name: "ada", Groups: []string{"chat", "dev"}, Addr: "127.0.0.1:1",
	}
	body := oneFrame(t, AppendWelcome(nil, in)).Body
	w, err := ParseWelcome(body, nil)
	require.NoError(t, err)
	clear(body)
	require.Equal(t, in, w)
}
