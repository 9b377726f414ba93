package web

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLoaderKnowsTheSizeOfTheProgram(t *testing.T) {
	files := contents(t, bundleDir(t))
	require.Contains(t, files[loaderFile], "\nconst size = "+strconv.Itoa(len(files[wasmFile]))+";\n")
}

func TestAllPartsOfABuildHaveItsID(t *testing.T) {
	files := contents(t, bundleDir(t))
	id := regexp.MustCompile(`(?m)^const build = "([0-9a-f]{16})";$`).FindStringSubmatch(files[loaderFile])
	require.NotNil(t, id)
	require.Contains(t, files[execFile], "\nexport const build = \""+id[1]+"\";\n")
	require.True(t, strings.HasSuffix(files[wasmFile], stampSection+id[1]))
}

func TestIDDependsOnEachFile(t *testing.T) {
	build := func(wasm, exec string) string {
		files := map[string][]byte{wasmFile: []byte(wasm), execFile: []byte(exec), loaderFile: []byte(unstamped)}
		stamp(files)
		return string(files[loaderFile])
	}
	require.Equal(t, build("a", "b"), build("a", "b"))
	require.NotEqual(t, build("a", "b"), build("a", "c"))
	require.NotEqual(t, build("a", "b"), build("c", "b"))
}
