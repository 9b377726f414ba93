package main

import (
	"io"
	"net"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A peer is the socket of a Python program, whose bytes the test writes by hand.
type peer struct {
	t *testing.T
	*net.TCPConn
}

func newPeer(t *testing.T, c net.Conn) peer {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return peer{t, c.(*net.TCPConn)}
}

func (p peer) sends(frame string) {
	p.t.Helper()
	_, err := io.WriteString(p, frame)
	require.NoError(p.t, err)
}

// gets expects exactly these bytes.
func (p peer) gets(frame string) {
	p.t.Helper()
	b := make([]byte, len(frame))
	_, err := io.ReadFull(p, b)
	require.NoError(p.t, err, "%q", b)
	require.Equal(p.t, frame, string(b))
}

// frame reads a frame as the original does, header and payload with one call each: a payload that
// comes in pieces would be cut.
func (p peer) frame() string {
	p.t.Helper()
	header := make([]byte, 16)
	n, err := p.Read(header)
	require.NoError(p.t, err)
	require.Equal(p.t, 16, n)
	size, err := strconv.Atoi(string(regexp.MustCompile(` +$`).ReplaceAll(header, nil)))
	require.NoError(p.t, err)
	payload := make([]byte, size)
	n, err = p.Read(payload)
	require.NoError(p.t, err)
	require.Equal(p.t, size, n)
	return string(payload)
}

func TestAPythonClientJoinsTheServer(t *testing.T) {
	server, port := startServer(t)
	dial := func() peer {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		return newPeer(t, c)
	}
	alice := dial()
	alice.sends(`44              $CLTHELLO$ {"name": "alice", "group": "red"}`)
	hello := regexp.MustCompile(`^hello_message (\d+\.\d+)$`).FindStringSubmatch(alice.frame())
	require.NotNil(t, hello)
	sent, err := strconv.ParseFloat(hello[1], 64)
	require.NoError(t, err)
	require.InDelta(t, float64(time.Now().Unix()), sent, patience.Seconds())

	alice.sends("22              processing1 randnum**2")
	requireSquare(t, alice.frame())
	alice.sends("17              processing1 20+22")
	alice.gets("2               42")
	alice.sends("15              processing1 1/0")
	alice.gets("23              error: division by zero")
	alice.sends("5               other") // a raw message that nobody waits for has no effect

	bob := dial()
	bob.sends(`40              $CLTHELLO$ {"name": null, "group": null}`)
	require.Regexp(t, `^hello_message `, bob.frame())
	at := bob.LocalAddr().(*net.TCPAddr)
	who := `{"ip": ["127.0.0.1", ` + strconv.Itoa(at.Port) + `], "name": null, "group": null}`
	require.Equal(t, "$CLTCONN$ "+who, alice.frame())
	require.NoError(t, bob.SetLinger(0)) // the reset with which a Python client leaves
	require.NoError(t, bob.Close())
	require.Equal(t, "$CLTDISCONN$ "+who, alice.frame())

	alice.sends("15              processing1 3*5") // the server goes on
	alice.gets("2               15")
	require.NoError(t, alice.CloseWrite())
	server.Prints(regexp.QuoteMeta(at.String()) + ` joined\.\n`)
	server.Prints(regexp.QuoteMeta(alice.LocalAddr().String()) + ` joined with the name alice in the group red\.\n`)
	server.Prints(regexp.QuoteMeta(at.String()) + ` left\.\n`)
	server.Prints(regexp.QuoteMeta(alice.LocalAddr().String()) + ` left\.\n`)
}

func TestTheClientJoinsAPythonServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	client := start(t, []string{"client", "-classic"}, "", port, "alice", "red")
	c, err := l.Accept()
	require.NoError(t, err)
	server := newPeer(t, c)

	server.gets(`44              $CLTHELLO$ {"name": "alice", "group": "red"}`)
	server.sends("27              hello_message 1632150000.25")
	require.Equal(t, "processing1 randnum**2", server.frame())
	// Another client comes while the client waits for the result. The notice is not taken for the result.
	server.sends(`69              $CLTCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`)
	server.sends("16              1522756640625000")
	client.Prints(`The server says hello, -\d+\.\d+ ms after`) // its clock is far behind
	client.Prints(`randnum\*\*2 = 1522756640625000\n`)

	client.Say("6*7")
	server.gets("15              processing1 6*7")
	server.sends("2               42")
	client.Prints(`\n6\*7 = 42\n`)
	client.Say("x")
	server.gets("13              processing1 x")
	server.sends("8               \x1b[2Jgone")
	client.Prints(`\nx = \x{fffd}\[2Jgone\n`)

	client.EOF()
	client.Ends(exitOK)
	require.Empty(t, client.Err.String())
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET, "an orderly end would stop a Python server")
}

func TestAPythonServerThatSaysSomethingElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	client := start(t, []string{"client", "-classic"}, "", port, "", "")
	c, err := l.Accept()
	require.NoError(t, err)
	server := newPeer(t, c)
	server.gets(`40              $CLTHELLO$ {"name": null, "group": null}`)
	server.sends("18              hello_message soon")
	server.sends("17              hello_message nan")
	server.sends("27              hello_message 1632150000.25")
	require.Equal(t, "processing1 randnum**2", server.frame(), "a greeting that makes no sense changes nothing")
	require.NoError(t, server.Close())
	client.Ends(exitFail)
	require.Contains(t, client.Err.String(), `"soon" is not of type float64`)
	require.Contains(t, client.Err.String(), `"nan" is not of type float64`)
	require.Contains(t, client.Err.String(), "basic: the server is gone: ")
}
