package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

func TestPutListAndGet(t *testing.T) {
	s := startServer(t, filepath.Join(t.TempDir(), "made"), "127.0.0.1:0")
	path, content := fileOf(t, "holiday.mp4", 1_234_567)
	sum := sha256.Sum256(content)
	said := "holiday.mp4: 1.2 MB, SHA-256 " + hex.EncodeToString(sum[:])
	for scheme, at := range map[string]string{"tcp": s.tcp, "ws": s.web} {
		does(t, exitOK, "-at", at, "put", path).Sees(said)
		has(t, filepath.Join(s.dir, "holiday.mp4"), content)
		require.Equal(t, "    1.2 MB  holiday.mp4\n", does(t, exitOK, "-at", at, "list").Out.String())

		back := filepath.Join(t.TempDir(), "back")
		does(t, exitOK, "-at", at, "get", "holiday.mp4", back).Sees(said)
		has(t, back, content)
		does(t, exitOK, "-at", at, "put", path).Sees(said + " (it was there)")

		does(t, exitOK, "-at", at, "put", path, "under "+scheme).Sees("under " + scheme + said[len("holiday.mp4"):])
		require.NoError(t, os.Remove(filepath.Join(s.dir, "under "+scheme)))
		require.NoError(t, os.Remove(filepath.Join(s.dir, "holiday.mp4")))
	}
}

func TestClientIsStopped(t *testing.T) {
	for name, tc := range map[string]struct{ up bool }{"put": {true}, "get": {false}} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, t.TempDir(), "127.0.0.1:0")
			path, content := fileOf(t, "f", much)
			from, to := path, filepath.Join(s.dir, "f")
			if !tc.up {
				to = filepath.Join(t.TempDir(), "back")
				from = "f"
				require.NoError(t, os.Rename(path, filepath.Join(s.dir, "f")))
			}
			what := []string{name, from, "f"}
			if !tc.up {
				what[2] = to
			}
			g := newGate(t, s.addr, tc.up)
			p := exampletest.Start(t, run, append([]string{"-at", g.url()}, what...)...)
			<-g.reached
			p.Stop()
			p.Ends(exitFail)
			require.Regexp(t, `stopped after 1[0-9.]+ MB of 25.2 MB: the same command goes on`, p.Err.String())
			require.NoFileExists(t, to)

			p = does(t, exitOK, append([]string{"-at", s.tcp}, what...)...)
			require.Regexp(t, `\(went on from 1[0-9.]+ MB\)`, p.Out.String())
			has(t, to, content)
		})
	}
}

func TestServerIsStartedAgain(t *testing.T) {
	for name, tc := range map[string]struct{ up bool }{"put": {true}, "get": {false}} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, t.TempDir(), "127.0.0.1:"+exampletest.FreePort(t))
			path, content := fileOf(t, "f", much)
			what, to := []string{"put", path, "f"}, filepath.Join(s.dir, "f")
			if !tc.up {
				require.NoError(t, os.Rename(path, to))
				to = filepath.Join(t.TempDir(), "back")
				what = []string{"get", "f", to}
			}
			g := newGate(t, s.addr, tc.up)
			p := exampletest.Start(t, run, append([]string{"-at", g.url()}, what...)...)
			<-g.reached
			s.Stop()
			s.Wait() // it may have to cut the client off
			close(g.open)
			startServer(t, s.dir, s.addr)
			p.Ends(exitOK)
			require.Contains(t, p.Err.String(), "the server is away")
			require.Contains(t, p.Err.String(), "back again")
			require.Regexp(t, `\(went on from 1[0-9.]+ MB\)`, p.Out.String())
			has(t, to, content)
		})
	}
}

func TestWhatDoesNotWork(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	path, _ := fileOf(t, "f", 100)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "there"), []byte("other"), 0o600))
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no file of that name":   {[]string{"get", "nothing", filepath.Join(dir, "x")}, "there is no file of that name"},
		"a path":                 {[]string{"get", "../secret", filepath.Join(dir, "x")}, "it is a path"},
		"another file is there":  {[]string{"put", path, "there"}, "there is another file of that name"},
		"nothing to send":        {[]string{"put", filepath.Join(dir, "nothing")}, "no such file"},
		"a folder to send":       {[]string{"put", dir}, "no regular file"},
		"no folder to put it in": {[]string{"get", "there", filepath.Join(dir, "no", "x")}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			p := does(t, exitFail, append([]string{"-at", s.tcp}, tc.args...)...)
			require.Contains(t, p.Err.String(), tc.says)
			require.Equal(t, 1, strings.Count(p.Err.String(), "files: "))
			require.Empty(t, p.Out.String())
		})
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.FileExists(t, filepath.Join(s.dir, "there"))
}

func TestTooBig(t *testing.T) {
	dir := t.TempDir()
	s := exampletest.Start(t, run, "-dir", dir, "-tcp", "127.0.0.1:0", "-http", "", "-most", "99")
	at := "tcp://" + s.Prints(`tcp://([^\]]+)`)[0]
	path, _ := fileOf(t, "f", 100)
	require.Contains(t, does(t, exitFail, "-at", at, "put", path).Err.String(), "more than the 99 B")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"unknown":              {[]string{"-port", "1"}, "-port"},
		"no server":            {[]string{"list"}, "needs -at"},
		"nothing to listen on": {[]string{"-tcp", "", "-http", ""}, "nothing to listen on"},
		"nothing to do":        {[]string{"-at", "tcp://127.0.0.1:1"}, "say what to do"},
		"something else":       {[]string{"-at", "tcp://127.0.0.1:1", "delete", "f"}, "say what to do"},
		"too much":             {[]string{"-at", "tcp://127.0.0.1:1", "list", "f"}, "say what to do"},
		"both":                 {[]string{"-at", "tcp://127.0.0.1:1", "-dir", "d", "list"}, "no flags of a server"},
		"negative":             {[]string{"-most", "-1"}, "-most"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, does(t, exitUsage, tc.args...).Err.String(), tc.says)
		})
	}
	does(t, exitOK, "-help")
	for _, bad := range []string{"127.0.0.1:1", "ftp://127.0.0.1:1", "tcp://"} {
		does(t, exitFail, "-at", bad, "list")
	}
}
