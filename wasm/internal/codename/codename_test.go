package codename

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestEveryCodeHasItsOwnName(t *testing.T) {
	seen := make(map[string]bool)
	for code := wire.CodeNone + 1; !strings.HasPrefix(code.String(), "code "); code++ {
		name, ok := Of(code)
		require.True(t, ok && name != "", "code %d, %q, has no name", code, code)
		require.False(t, seen[name], "two codes are called %q", name)
		seen[name] = true

		back, ok := Parse(name)
		require.True(t, ok)
		require.Equal(t, code, back)
	}
	require.Len(t, names, len(seen)+1, "a name without a code")
}

func TestCodesWithoutAName(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeNone, wire.CodeApplication, 999} {
		_, ok := Of(code)
		require.False(t, ok, "code %d", code)
	}
	for _, name := range []string{"nonsense", ""} {
		_, ok := Parse(name)
		require.False(t, ok, "%q", name)
	}
}

// The typings list the names: they are what a TypeScript program can compare with.
func TestTypingsListTheNames(t *testing.T) {
	typings, err := os.ReadFile("../../../web/hisock.d.ts")
	require.NoError(t, err)
	union := regexp.MustCompile(`(?s)export type PeerErrorCode =(.*?);`).FindSubmatch(typings)
	require.NotNil(t, union, "no type PeerErrorCode in hisock.d.ts")
	var listed []string
	for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllSubmatch(union[1], -1) {
		listed = append(listed, string(m[1]))
	}
	want := slices.Clone(names[1:])
	slices.Sort(listed)
	slices.Sort(want)
	require.Equal(t, want, listed)
}
