package app

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

func TestFlagsThatMakeNoSense(t *testing.T) {
	tests := map[string]struct {
		args      []string
		complaint string
	}{
		"unknown flag":         {[]string{"-port", "1"}, "-port"},
		"an argument":          {[]string{"serve"}, `unexpected argument "serve"`},
		"nothing to listen on": {[]string{"-tcp", "", "-http", ""}, "nothing to listen on"},
		"a name for a server":  {[]string{"-name", "ada"}, "-name has no meaning for the server"},
		"join without a name":  {[]string{"-join", "tcp://127.0.0.1:1"}, "-join needs -name"},
		"join nothing":         {[]string{"-join", "", "-name", "ada"}, "-join needs a URL"},
		"join with a port":     {[]string{"-join", "tcp://127.0.0.1:1", "-name", "ada", "-tcp", ":1"}, "-tcp has no meaning for -join"},
		"build and serve":      {[]string{"-build", "x", "-bundle", "x"}, "-bundle has no meaning for -build"},
		"build into nothing":   {[]string{"-build", ""}, "-build needs a folder"},
		"NATS nowhere":         {[]string{"-nats", ""}, "-nats needs embedded or a URL"},
		"NATS at no port":      {[]string{"-nats", "embedded:x"}, "-nats embedded:PORT needs a port from 0 to 65535"},
		"NATS over HTTP":       {[]string{"-nats", "http://127.0.0.1:1"}, "-nats needs embedded or a URL"},
		"NATS at half a URL":   {[]string{"-nats", "nats://127.0.0.1:1,b"}, "-nats needs embedded or a URL"},
		"NATS for a terminal":  {[]string{"-join", "tcp://127.0.0.1:1", "-name", "ada", "-nats", "embedded"}, "-nats has no meaning for -join"},
		"a node without NATS":  {[]string{"-node", "a"}, "-nats-creds and -node need -nats"},
		"credentials within":   {[]string{"-nats", "embedded", "-nats-creds", "x"}, "-nats-creds has no meaning for -nats embedded"},
		"an empty bundle":      {[]string{"-bundle", ""}, "-bundle needs a folder"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, tc.args...)
			require.Equal(t, exitUsage, p.Wait())
			require.Contains(t, p.Err.String(), tc.complaint)
			require.Empty(t, p.Out.String())
		})
	}
}

func TestHelp(t *testing.T) {
	p := start(t, "-help")
	require.Equal(t, exitOK, p.Wait())
	require.Contains(t, p.Err.String(), "127.0.0.1:6969")
}

func TestAddressesThatCannotBeJoined(t *testing.T) {
	tests := map[string]string{
		"127.0.0.1:6969":        "no address such as",
		"tcp://":                "no address such as",
		"tcp://127.0.0.1":       "the port is missing",
		"tcp://127.0.0.1:1/ws":  "nothing but a host and a port",
		"udp://127.0.0.1:1":     "over tcp, tls, ws or wss",
		"http://127.0.0.1:8080": "join ws://127.0.0.1:8080/ws",
	}
	for url, complaint := range tests {
		p := start(t, "-join", url, "-name", "ada")
		require.Equal(t, exitFail, p.Wait())
		require.Contains(t, p.Err.String(), complaint)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, flags := range [][]string{
		{"-tcp", l.Addr().String(), "-http", "127.0.0.1:0"},
		{"-http", l.Addr().String(), "-tcp", "127.0.0.1:0"},
	} {
		p := start(t, append(flags, "-bundle", exampletest.FakeBundle(t))...)
		require.Equal(t, exitFail, p.Wait())
		require.Contains(t, p.Err.String(), "chat: cannot listen for")
		require.Contains(t, p.Err.String(), flags[0])
		require.Contains(t, p.Err.String(), "address already in use")
		require.Empty(t, p.Out.String())
	}
}

func TestOneOfTheTwoCanBeOff(t *testing.T) {
	only := start(t, "-tcp", "127.0.0.1:0", "-http", "") // needs no bundle
	only.Sees("Press Ctrl-C to close it.")
	require.NotContains(t, only.Out.String(), "http")
	page := start(t, "-tcp", "", "-http", "127.0.0.1:0", "-bundle", exampletest.FakeBundle(t))
	page.Sees("Press Ctrl-C to close it.")
	require.NotContains(t, page.Out.String(), "tcp")
}
