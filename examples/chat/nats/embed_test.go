package main

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

func TestTheSecondChatFindsTheServerOfTheFirst(t *testing.T) {
	t.Parallel()
	port, err := strconv.Atoi(exampletest.FreePort(t))
	require.NoError(t, err)
	started := make(chan *embedded, 3)
	failed := make(chan error, 3)
	for range cap(started) { // all at once
		go func() {
			e, err := embed(t.Context(), port)
			started <- e
			failed <- err
		}()
	}
	for range cap(started) {
		e := <-started
		require.NoError(t, <-failed)
		defer e.close()
		require.Equal(t, urlOf(port), e.url)
	}
}

func TestAPortThatBelongsToSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{
		"another server of NATS": `INFO {"server_name":"mine"}` + "\r\n",
		"a server of mail":       "220 hello\r\n",
		"garbage":                "INFO {\r\n",
		"nothing":                "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", host+":0")
			require.NoError(t, err)
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Write([]byte(greeting)) //nolint:errcheck // then the test fails
					if greeting == "" {
						c.Close()
					}
				}
			}()
			port := l.Addr().(*net.TCPAddr).Port
			e, err := embed(t.Context(), port)
			require.NoError(t, err)
			defer e.close()
			require.NotEqual(t, urlOf(port), e.url)
		})
	}
}
