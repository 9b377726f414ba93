//go:build !js

package lock

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each mutex of core and of the packages below it has a place in the order, and each place belongs
// to one mutex.
func TestEachMutexHasAPlace(t *testing.T) {
	without := regexp.MustCompile(`\bsync\.(RW)?Mutex\b`)
	with := regexp.MustCompile(`\block\.(?:RW)?Mutex\[lock\.(\w+)\]`)
	used := map[string]int{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "lock" || e.Name() == "coretest" || e.Name() == "relaytest" || e.Name() == "historytest" || e.Name() == "e2e"):
			return fs.SkipDir
		case e.IsDir():
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
			return nil
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		require.False(t, without.Match(text), "%s has a mutex without a place", path)
		for _, m := range with.FindAllSubmatch(text, -1) {
			used[string(m[1])]++
		}
		return nil
	})
	require.NoError(t, err)
	for _, p := range order {
		name := strings.TrimPrefix(fmt.Sprintf("%T", p), "lock.")
		require.Equal(t, 1, used[name], name)
	}
	require.Len(t, used, len(order))
}
