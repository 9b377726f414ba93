//go:build !js

package files

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

func TestNames(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "outside"), []byte("secret"), 0o600))
	inside := filepath.Join(dir, "inside")
	require.NoError(t, os.MkdirAll(filepath.Join(inside, "folder"), 0o700))
	require.NoError(t, os.Symlink("../outside", filepath.Join(inside, "link")))
	f, err := OpenFolder(inside)
	require.NoError(t, err)
	defer f.Close()
	for _, bad := range []string{
		"", ".", "..", "/", "a/b", "../outside", "/etc/passwd", `a\b`, `..\outside`, "a.part", "A.PART", "a\x00b", "a\nb", "\x1b[2J",
		"a\u202egpj.exe", "a\u2028b", "\xff", " a", "a ", "a.", strings.Repeat("x", maxName+1),
	} {
		_, err := f.Create(bad)
		require.ErrorIs(t, err, core.CodeBadName, "%q", bad)
		_, err = f.Open(bad)
		require.ErrorIs(t, err, core.CodeBadName, "%q", bad)
	}
	for _, good := range []string{"a", "a.b.c", ".hidden", "Ferien 2026 (1).jpg", "日本語.txt", "👩‍💻.png", strings.Repeat("x", maxName)} {
		to, err := f.Create(good)
		require.NoError(t, err, "%q", good)
		from, err := NewSource(strings.NewReader("content"), -1)
		require.NoError(t, err)
		require.NoError(t, pass(t, from, to), "%q", good)
		src, err := f.Open(good)
		require.NoError(t, err, "%q", good)
		require.EqualValues(t, 7, src.Size())
		require.NoError(t, src.Close())
		require.NoError(t, os.Remove(filepath.Join(inside, good)))
	}
	_, err = f.Open("folder")
	require.ErrorIs(t, err, core.CodeBadName)
	_, err = f.Open("nothing")
	require.ErrorIs(t, err, core.CodeNotFound)
	_, err = f.Open("link")
	require.Error(t, err)
	to, err := f.Replace("link")
	require.NoError(t, err)
	from, err := NewSource(strings.NewReader("x"), -1)
	require.NoError(t, err)
	require.ErrorIs(t, pass(t, from, to), core.CodeNameTaken)
	outside, err := os.ReadFile(filepath.Join(dir, "outside"))
	require.NoError(t, err)
	require.Equal(t, "secret", string(outside))
}

// pass sends from one to the other within this program.
func pass(t *testing.T, from *Source, to *Target) error {
	a, b := pipes()
	sent := make(chan error, 1)
	go func() {
		_, err := Send(t.Context(), a, from, nil)
		sent <- err
	}()
	_, err := Receive(t.Context(), b, to, nil)
	b.Close()
	require.NoError(t, to.Close())
	require.Equal(t, err == nil, <-sent == nil)
	return err
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "c.part"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	f, err := OpenFolder(dir)
	require.NoError(t, err)
	defer f.Close()
	list, err := f.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "a", list[0].Name())
	require.Equal(t, "b", list[1].Name())
}

// A later transfer of a file takes over: a sender that was started again does not wait for its
// former transfer.
func TestLaterTransferTakesOver(t *testing.T) {
	s := newScene(t)
	content := bytesOf(1<<20, 1)
	reached, leave := make(chan struct{}), make(chan struct{})
	slow, err := NewSource(&failing{r: bytes.NewReader(content), after: 1 << 19, then: func() error {
		close(reached)
		<-leave
		return nil
	}}, -1)
	require.NoError(t, err)
	first := make(chan error, 1)
	go func() {
		_, err := Upload(context.Background(), s.client, "upload", "f", slow, nil)
		first <- err
	}()
	<-reached
	got, err := Upload(t.Context(), s.join(), "upload", "f", fileOf(t, content), nil)
	close(leave)
	require.NoError(t, err)
	isOf(t, got, content)
	err = <-first
	require.ErrorIs(t, err, core.CodeReplaced)
	require.True(t, core.IsRemote(err))
	s.has("f", content)
}

// Two programs do not write into one part.
func TestAnotherProgramReceives(t *testing.T) {
	dir := t.TempDir()
	part, err := os.Create(filepath.Join(dir, "f.part"))
	require.NoError(t, err)
	defer part.Close()
	require.True(t, lockFile(part))
	if again, err := os.Open(part.Name()); err == nil && lockFile(again) {
		again.Close()
		t.Skip("this system does not lock files")
	} else {
		again.Close()
	}
	to, err := Create(filepath.Join(dir, "f"))
	require.NoError(t, err)
	defer to.Close()
	_, err = Receive(t.Context(), play(offered(5)), to, nil)
	require.ErrorIs(t, err, core.CodeUnavailable)
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	for name, content := range map[string]string{"of the same size": "new", "longer": "newer", "nothing": ""} {
		to, err := Replace(path)
		require.NoError(t, err)
		from, err := NewSource(strings.NewReader(content), -1)
		require.NoError(t, err)
		require.NoError(t, pass(t, from, to), name)
		hasOnly(t, dir, "f", []byte(content))
	}
}

// A file that somebody else makes under the name meanwhile stays.
func TestFileComesMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	to, err := Create(path)
	require.NoError(t, err)
	from, err := NewSource(&failing{r: strings.NewReader("new"), then: func() error {
		return os.WriteFile(path, []byte("mine"), 0o600)
	}}, -1)
	require.NoError(t, err)
	require.ErrorIs(t, pass(t, from, to), core.CodeNameTaken)
	hasOnly(t, dir, "f", []byte("mine"))
}

func TestSourceChanges(t *testing.T) {
	for name, change := range map[string]func(f *os.File) error{
		"shorter": func(f *os.File) error { return f.Truncate(10) },
		"longer":  func(f *os.File) error { return f.Truncate(1 << 21) },
		"other": func(f *os.File) error {
			_, err := f.WriteAt([]byte("x"), 0)
			return errors.Join(err, os.Chtimes(f.Name(), testTime, testTime))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "source")
			require.NoError(t, os.WriteFile(path, bytesOf(1<<20, 1), 0o600))
			w, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			defer w.Close()
			from, err := Open(path)
			require.NoError(t, err)
			defer from.Close()
			from.r = &failing{r: from.file, after: 1 << 19, then: func() error { return change(w) }}
			dir := t.TempDir()
			to, err := Create(filepath.Join(dir, "f"))
			require.NoError(t, err)
			a, b := pipes()
			received := make(chan error, 1)
			go func() {
				_, err := Receive(t.Context(), b, to, nil)
				received <- err
			}()
			_, err = Send(t.Context(), a, from, nil)
			require.ErrorIs(t, err, errChanged)
			a.Close()
			require.Error(t, <-received)
			require.NoError(t, to.Close())
			require.Equal(t, []string{"f.part"}, namesIn(t, dir))
		})
	}
}
