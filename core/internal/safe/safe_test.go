//go:build !js

package safe

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A clipped text is no longer than the bound, and all of it can be shown, whatever the text is.
func TestClip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "\x00", "\xff", "é", "\u200b", "🚀", "\U0010ffff", `"`, "\n", "\xe2\x80"}
	for range 2000 {
		var b strings.Builder
		only := alphabet[r.IntN(len(alphabet))]
		for n := r.IntN(2000); b.Len() < n; {
			if r.IntN(2) == 0 {
				only = alphabet[r.IntN(len(alphabet))]
			}
			b.WriteString(only)
		}
		s := b.String()
		got := Clip(s, 128)
		require.LessOrEqual(t, len(got), 128+len(`""… (2000 B)`))
		require.Equal(t, got, Text(got), "%q", got)
		if s == Text(s) && len(s) <= 128 {
			require.Equal(t, s, got)
		} else if len(s) > 128 {
			require.Contains(t, got, fmt.Sprintf("… (%d B)", len(s)))
		}
	}
}

// The text of an error is cut. An error whose method panics is named as such.
func TestErrorAndPanic(t *testing.T) {
	long := errors.New(strings.Repeat("x", 10<<20))
	for name, text := range map[string]string{"error": Error(long), "panic": Panic(long), "panic with text": Panic(long.Error())} {
		require.Less(t, len(text), 2*MaxError, name)
		require.Contains(t, text, "… (10485760 B)", name)
	}
	var none *mute
	require.Equal(t, "an error that does not say what it is", Error(none))
	require.Equal(t, "a value that is not an error", Panic(7))
}

type mute struct{ text string }

func (m *mute) Error() string { return m.text }

// A stack has functions and lines, but no arguments. A chain of errors is shown by its types.
func TestStackAndTypes(t *testing.T) {
	called := func(secret string) string { return func() string { return Stack() }() + secret[:0] }
	require.NotContains(t, called("secret argument"), "secret")
	require.Contains(t, called("x"), "safe.TestStackAndTypes")
	require.NotContains(t, called("x"), "safe.Stack\n")

	require.Equal(t, "*fmt.wrapError: *errors.errorString", Types(fmt.Errorf("secret: %w", errors.New("secret"))))
	require.Equal(t, "nil", Type(nil))
	require.Empty(t, Types(nil))
}

// Same tells different secrets of any lengths apart.
func TestSame(t *testing.T) {
	require.True(t, Same([]byte("open"), []byte("open")))
	require.True(t, Same(nil, []byte{}))
	for _, wrong := range []string{"", "o", "opem", "open ", "openopen"} {
		require.False(t, Same([]byte(wrong), []byte("open")), wrong)
	}
}

// Same takes constant time because it compares only digests of one size, with package crypto. The
// test reads the source and measures no time.
func TestSameComparesDigests(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "safe_native.go", nil, 0)
	require.NoError(t, err)
	var calls []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Same" {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				require.True(t, ok)
				calls = append(calls, fmt.Sprint(s.X, ".", s.Sel))
			case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt:
				require.Fail(t, "a branch could depend on the secret")
			}
			return true
		})
	}
	require.ElementsMatch(t, []string{"sha256.Sum256", "sha256.Sum256", "subtle.ConstantTimeCompare"}, calls)
}
