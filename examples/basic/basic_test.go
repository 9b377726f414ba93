package main

import (
	"math"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDialogue(t *testing.T) {
	tests := map[string][]string{
		"native":  {"client"},
		"classic": {"client", "-classic"},
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			server, port := startServer(t)
			client := start(t, args, "", port, "ada", "red")
			since := client.Prints(`The server says hello, (-?[0-9.]+) ms after`)[0]
			ms, err := strconv.ParseFloat(since, 64)
			require.NoError(t, err)
			require.Less(t, math.Abs(ms), float64(patience.Milliseconds()))
			requireSquare(t, client.Prints(`randnum\*\*2 = (\d+)\n`)[0])

			client.Say("6*7")
			client.Prints(`\n6\*7 = 42\n`)
			client.Say("")
			client.Say("1/0")
			client.Prints(`\n1/0 = error: division by zero\n`)
			client.Say(strings.Repeat("1", maxExpr+1))
			client.Say("2**100 / 2")
			client.EOF()
			client.Ends(exitOK)
			client.Prints(`\n2\*\*100 / 2 = 6\.338253001141147e\+29\n`)
			require.Equal(t, "basic: not sent: it has more than 1024 bytes\n", client.Err.String())

			who := server.Prints(`(127\.0\.0\.1:\d+) joined with the name ada in the group red\.\n`)[0]
			server.Prints(regexp.QuoteMeta(who) + ` asks for 6\*7: 42\n`)
			server.Prints(regexp.QuoteMeta(who) + ` left\.\n`)
			server.Stop()
			server.Ends(exitOK)
			require.Empty(t, server.Err.String())
		})
	}
}

// requireSquare expects the square of a random number.
func requireSquare(t *testing.T, text string) {
	t.Helper()
	n, ok := new(big.Int).SetString(text, 10)
	require.True(t, ok, "%q", text)
	root := new(big.Int).Sqrt(n)
	require.Equal(t, n.String(), new(big.Int).Mul(root, root).String())
	require.True(t, root.Sign() > 0 && root.Cmp(big.NewInt(100_000_000)) <= 0, "%v", root)
}

// The client reads all its answers before it asks, as from a shell's pipe.
func TestAnswersFromAPipe(t *testing.T) {
	server, port := startServer(t)
	client := start(t, []string{"client"})
	go func() {
		for _, line := range []string{"localhost", port, "", "", "1+1"} {
			client.In.Write([]byte(line + "\r\n")) //nolint:errcheck // a missing line fails the test
		}
		client.EOF()
	}()
	client.Ends(exitOK)
	client.Prints(`(?s)randnum\*\*2 = \d+\n.*1\+1 = 2\n`)
	server.Prints(`127\.0\.0\.1:\d+ joined\.\n`)
	require.Empty(t, client.Err.String())
}

func TestBadAnswersAreAskedForAgain(t *testing.T) {
	_, port := startServer(t)
	client := start(t, []string{"client"},
		"127.0.0.1:6969", "http://localhost", "a b", strings.Repeat("x", 2*maxLine), "",
		"0", "-1", "65536", "port", port,
		"a\tb", strings.Repeat("n", 129), "ada",
		"\x1b", "\xff", "red")
	client.Prints(`randnum\*\*2 = `)
	var reasons []string
	for _, m := range regexp.MustCompile(`That cannot be: (.*)\.\n`).FindAllStringSubmatch(client.Out.String(), -1) {
		reasons = append(reasons, m[1])
	}
	noPort := "a port is a number from 1 to 65535"
	require.Equal(t, []string{
		"the port is the next question, and this is no IPv6 address",
		"it is a URL, not an address",
		"' ' may not be in the name of a host",
		"it has 4096 characters, more than 253",
		noPort, noPort, noPort, noPort,
	}, reasons[:8])
	require.Len(t, reasons, 12)
	for i, why := range []string{"name", "128 B", "name", "UTF-8"} {
		require.Contains(t, reasons[8+i], why)
	}
	require.Equal(t, plain(strings.ReplaceAll(client.Out.String(), "\n", "")), strings.ReplaceAll(client.Out.String(), "\n", ""))
}

func TestHosts(t *testing.T) {
	for _, good := range []string{"localhost", "127.0.0.1", "::1", "[::1]", "fe80::1%lo", "a-b.example.org", "under_score", "0.0.0.0"} {
		require.NoError(t, checkHost(good), good)
	}
	for _, bad := range []string{"a:1", "[::1]:80", "x/y", "ü", "a@b", "a\x00"} {
		require.Error(t, checkHost(bad), bad)
	}
}

func TestTheInputEndsTooEarly(t *testing.T) {
	for _, args := range [][]string{{"server"}, {"client"}} {
		for _, lines := range [][]string{nil, {""}} {
			p := start(t, args, lines...)
			p.EOF()
			p.Ends(exitFail)
			require.Equal(t, "basic: the input ended before all was answered\n", p.Err.String())
		}
	}
}

func TestCtrlC(t *testing.T) {
	asking := start(t, []string{"server"})
	asking.Prints(`Address`)
	asking.Stop()
	asking.Ends(exitOK)

	server, port := startServer(t)
	client := start(t, []string{"client"}, "", port, "", "")
	client.Prints(`randnum\*\*2 = `)
	client.Stop()
	client.Ends(exitOK)
	server.Prints(` left\.\n`)
	require.Empty(t, client.Err.String())
}

func TestTheServerGoes(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"native":  {[]string{"client"}, "basic: the server has stopped\n"},
		"classic": {[]string{"client", "-classic"}, "basic: the server is gone: "},
	} {
		t.Run(name, func(t *testing.T) {
			server, port := startServer(t)
			client := start(t, tc.args, "", port, "", "")
			client.Prints(`Type something else`)
			server.Stop()
			server.Ends(exitOK)
			client.Ends(exitFail)
			require.True(t, strings.HasPrefix(client.Err.String(), tc.want), client.Err.String())
			require.Equal(t, 1, strings.Count(client.Err.String(), "\n"), "it says so once")
		})
	}
}

func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	taken := start(t, []string{"server"}, "", port)
	taken.Ends(exitFail)
	require.Contains(t, taken.Err.String(), "basic: cannot serve there: ")

	require.NoError(t, l.Close())
	nobody := start(t, []string{"client"}, "", port, "", "")
	nobody.Ends(exitFail)
	require.Contains(t, nobody.Err.String(), "basic: cannot join: ")
}

func TestUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"nothing":              {nil, exitUsage, usage},
		"neither":              {[]string{"both"}, exitUsage, usage},
		"too much":             {[]string{"server", "6969"}, exitUsage, usage},
		"unknown flag":         {[]string{"client", "-port"}, exitUsage, usage},
		"classic server":       {[]string{"server", "-classic"}, exitUsage, usage},
		"help":                 {[]string{"-help"}, exitOK, usage},
		"help for the clients": {[]string{"client", "-h"}, exitOK, usage},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, tc.args)
			p.Ends(tc.code)
			require.Contains(t, p.Err.String(), tc.want)
			require.Empty(t, p.Out.String())
		})
	}
}
