package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"

	"github.com/hisock/hisock/web"
)

func TestABundleThatIsNotWhole(t *testing.T) {
	dir := exampletest.FakeBundle(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "hisock.wasm")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "client.js"), []byte("other"), 0o600))
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", dir)
	require.Equal(t, exitFail, p.Wait())
	require.Contains(t, p.Err.String(), `lacks "hisock.wasm"`)
	require.Contains(t, p.Err.String(), `damaged "client.js"`)
	require.Contains(t, p.Err.String(), "chat -build DIR")
	require.Empty(t, p.Out.String())
}

func TestWhatToDoWithoutGo(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"no Go":     {&web.BuildError{Step: "look for Go", Err: web.ErrNoGo}, "there is no Go command here"},
		"no source": {&web.BuildError{Step: "compile", Output: "no such package", Err: errors.New("exit status 1")}, "no such package"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := cannotBuild(tc.err)
			require.ErrorContains(t, err, tc.want)
			for _, way := range []string{"chat -build DIR", "chat -bundle DIR", `chat -http ""`} {
				require.ErrorContains(t, err, way)
			}
		})
	}
}

func TestAFolderOfSomethingElseIsNotBuiltInto(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine.txt")
	require.NoError(t, os.WriteFile(mine, []byte("keep"), 0o600))
	p := start(t, "-build", dir)
	require.Equal(t, exitFail, p.Wait())
	require.Contains(t, p.Err.String(), "not a bundle")
	require.FileExists(t, mine)
}

func TestCtrlCWhileTheBundleIsBuilt(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0")
	p.Complains("building the browser bundle")
	p.Stop()
	require.Equal(t, exitOK, p.Wait(), p.Err.String())
	require.Empty(t, p.Out.String())
	left, err := filepath.Glob(filepath.Join(tmp, "hisock-chat-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
