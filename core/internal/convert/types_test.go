package convert

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// marked is a codec with payloads unlike any others.
type marked struct{}

var errMarked = errors.New("the codec was asked")

func (marked) Marshal(any) ([]byte, error)     { return []byte("by the codec"), nil }
func (marked) Unmarshal(_ []byte, _ any) error { return errMarked }

// A basic describes how a basic type converts, in both builds.
type basic struct {
	followed bool // a browser build follows a pointer to the type; otherwise the pointer is the codec's there
	test     func(t *testing.T, followed bool)
}

// basics has each basic type by its name. All cases run in both builds: the builds must agree.
var basics = map[string]basic{
	"[]byte":   {true, is([]byte{0, 'a', 0xff}, "\x00a\xff", "")},
	"string":   {true, is("né", "né", "\xff")},
	"bool":     {true, is(true, "true", "maybe")},
	"int":      {true, is(-7, "-7", "1.0")},
	"int64":    {true, is(int64(-1<<63), "-9223372036854775808", "9223372036854775808")},
	"uint64":   {true, is(uint64(1<<64-1), "18446744073709551615", "-1")},
	"float64":  {true, is(0.5, "0.5", "Inf")},
	"int8":     {false, is(int8(-128), "-128", "128")},
	"int16":    {false, is(int16(-7), "-7", "40000")},
	"int32":    {false, is(int32(-7), "-7", "3000000000")},
	"uint":     {false, is(uint(7), "7", "-1")},
	"uint8":    {false, is(uint8(255), "255", "256")},
	"uint16":   {false, is(uint16(7), "7", "70000")},
	"uint32":   {false, is(uint32(7), "7", "4294967296")},
	"float32":  {false, is(float32(0.1), "0.1", "NaN")},
	"struct{}": {false, func(t *testing.T, _ bool) { goesAs(t, struct{}{}, "", "") }},
}

// is returns the test of a type: v becomes payload and comes back, by itself and behind a pointer. The payload bad
// does not convert, unless it is empty.
func is[T any](v T, payload, bad string) func(*testing.T, bool) {
	return func(t *testing.T, followed bool) {
		goesAs(t, v, payload, bad)
		var none *T
		if !followed && runtime.GOOS == "js" {
			for _, p := range []*T{&v, none} {
				got, err := Encode(marked{}, p)
				require.NoError(t, err)
				require.Equal(t, "by the codec", string(got))
			}
			_, err := Decode[*T](marked{}, []byte(payload))
			require.ErrorIs(t, err, errMarked)
			return
		}
		goesAs(t, &v, payload, bad)
		goesAs(t, none, "", bad)
	}
}

func goesAs[T any](t *testing.T, v T, payload, bad string) {
	got, err := Encode(marked{}, v)
	require.NoError(t, err)
	require.Equal(t, payload, string(got))
	back, err := Decode[T](marked{}, []byte(payload))
	require.NoError(t, err)
	require.Equal(t, v, back)
	if bad != "" {
		_, err = Decode[T](marked{}, []byte(bad))
		require.IsType(t, (*Fault)(nil), err)
	}
}

// A basic type, and a pointer to it, converts to the same bytes in both builds. A pointer that a browser build does not
// follow is left to the codec.
func TestBasicTypes(t *testing.T) {
	for name, of := range basics {
		t.Run(name, func(t *testing.T) { of.test(t, of.followed) })
	}
}

// The lists of types in the sources of both builds agree: each basic type is read and written and has a row above. A
// browser build follows the same pointers in both directions, and On lists them.
func TestTypeListsAgree(t *testing.T) {
	if runtime.GOOS == "js" {
		t.Skip("the native build reads the sources of both")
	}
	all := slices.Sorted(maps.Keys(basics))
	require.Equal(t, all, casesOf(t, "basic.go", "Basic", ""))
	require.Equal(t, all, casesOf(t, "basic.go", "decodeBasic", "*"))

	var followed []string
	for _, name := range all {
		if basics[name].followed {
			followed = append(followed, name)
		}
	}
	require.Equal(t, followed, casesOf(t, "types_js.go", "Other", "*"))
	require.Equal(t, followed, casesOf(t, "types_js.go", "decode", "**"))

	doc, err := os.ReadFile("../../convert.go")
	require.NoError(t, err)
	_, list, ok := strings.Cut(strings.ReplaceAll(string(doc), "\n//", ""), "except for pointers to ")
	require.True(t, ok)
	list, _, _ = strings.Cut(list, ".")
	listed := strings.Split(strings.ReplaceAll(list, " and ", ", "), ", ")
	slices.Sort(listed)
	require.Equal(t, followed, listed, "the comment of core.On")
}

// casesOf returns the basic types, and the pointers to basic types, in the type switch of a function, sorted and
// without the prefix.
func casesOf(t *testing.T, file, function, prefix string) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != function {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, e := range c.List {
					name, ok := strings.CutPrefix(types.ExprString(e), prefix)
					if ok && name != "nil" && name != "any" && !strings.Contains(name, ".") {
						names = append(names, name)
					}
				}
			}
			return true
		})
	}
	slices.Sort(names)
	require.NotEmpty(t, names, fmt.Sprint(file, " ", function))
	return names
}
