package web

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStripComments(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"lines":                 {"// one\n// two\n\nlet a = 1;\n  // three\nlet b;\n", "let a = 1;\nlet b;\n"},
		"a block":               {"/**\n * one\n * a * / b\n */\nlet a;\n", "let a;\n"},
		"a block of one line":   {"  /** one */\nlet a;\n", "let a;\n"},
		"beside code":           {"let a; // one\nlet b = /* two */ 3;\n", "let a; // one\nlet b = /* two */ 3;\n"},
		"before code":           {"/** @type {A} */ (a).b();\n/* one */ a /* two */\n", "/** @type {A} */ (a).b();\n/* one */ a /* two */\n"},
		"a text with slashes":   {"let a = \"https://example.org\";\n", "let a = \"https://example.org\";\n"},
		"the last line is open": {"let a;\n// end", "let a;\n"},
		"nothing":               {"", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, string(stripComments([]byte(tc.in))))
		})
	}
}

func TestBundledModulesHaveNoComments(t *testing.T) {
	files := contents(t, bundleDir(t))
	before, after := 0, 0
	for _, name := range sourceNames() {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		if !strings.HasSuffix(name, ".js") {
			require.Equal(t, string(source), files[name], "a declaration says what its reader needs")
			continue
		}
		before, after = before+len(source), after+len(files[name])
		for line := range strings.Lines(files[name]) {
			require.False(t, strings.HasPrefix(strings.TrimSpace(line), "//"), "%s: %s", name, line)
		}
	}
	require.Less(t, after, before*3/4)
	t.Logf("modules: %d B with comments, %d B without", before, after)
}
