package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEval(t *testing.T) {
	nested := strings.Repeat("(", maxDepth-1) + "7" + strings.Repeat(")", maxDepth-1)
	tests := map[string]string{
		"20+22":               "42",
		" 1 +\t2\n":           "3",
		"1 - 2 - 3":           "-4",
		"2+3*4":               "14",
		"(2+3)*4":             "20",
		"7/2":                 "3.5",
		"6/3":                 "2.0",
		"2*7//3":              "4",
		"7//2":                "3",
		"-7//2":               "-4",
		"7//-2":               "-4",
		"-7//-2":              "3",
		"-7%3":                "2",
		"7%-3":                "-2",
		"7.5%-2":              "-0.5",
		"-7.5//2":             "-4.0",
		"7.5//2.0":            "3.0",
		"-3.5%.5":             "0.0",
		"6%3":                 "0",
		"2**10":               "1024",
		"2**3**2":             "512",
		"-2**2":               "-4",
		"(-2)**2":             "4",
		"2**-1":               "0.5",
		"2**-2**0":            "0.5",
		"4**0.5":              "2.0",
		"0**0":                "1",
		"0.0**0":              "1.0",
		"(-1)**1000000000001": "-1",
		"(-1)**1000000000000": "1",
		"0**99999999999999":   "0",
		"--+-3":               "-3",
		"1.5":                 "1.5",
		"1.":                  "1.0",
		".5":                  "0.5",
		"1e3":                 "1000.0",
		"1E-5":                "1e-05",
		"1e16":                "1e+16",
		"1e15":                "1000000000000000.0",
		"0.0001":              "0.0001",
		"-0.0":                "-0.0",
		"0.1+0.2":             "0.30000000000000004",
		"1e-999":              "0.0",
		"007":                 "7",
		"10**16+1":            "10000000000000001",
		"10**400/10**399":     "10.0",
		"2**4095":             "", // only its length is checked
		nested:                "7",
	}
	for expr, want := range tests {
		t.Run(expr, func(t *testing.T) {
			got, err := eval(expr, nil)
			require.NoError(t, err)
			if want != "" {
				require.Equal(t, want, got)
			}
			require.LessOrEqual(t, len(got), 1300)
		})
	}
}

func TestEvalRefuses(t *testing.T) {
	deep := func(n int, open, end string) string {
		return strings.Repeat(open, n) + "1" + strings.Repeat(end, n)
	}
	tests := map[string]struct{ in, why string }{
		"nothing":               {"", "ends too early"},
		"blanks":                {"  ", "ends too early"},
		"an operand missing":    {"1+", "ends too early"},
		"an operator missing":   {"1 2", "at byte 2: '2' does not belong there"},
		"an operator too many":  {"1*/2", "at byte 2: '/'"},
		"apart":                 {"2* *3", "at byte 3: '*'"},
		"not closed":            {"(1", "ends too early"},
		"not opened":            {"1)", "at byte 1: ')'"},
		"empty parentheses":     {"()", "at byte 1: ')'"},
		"a name":                {"__import__('os')", "at byte 0: '_'"},
		"a call":                {"randnum()", "at byte 7: '('"},
		"a longer name":         {"randnumb", "at byte 7: 'b'"},
		"an underscore":         {"1_000", "at byte 1: '_'"},
		"a hexadecimal":         {"0x10", "at byte 1: 'x'"},
		"an infinity":           {"inf", "at byte 0: 'i'"},
		"a point":               {".", `"." is no number`},
		"two points":            {"1.2.3", "at byte 3: '.'"},
		"half an exponent":      {"1e", `"1e" is no number`},
		"not ASCII":             {"2×3", "at byte 1: '×'"},
		"not UTF-8":             {"2\xff", "at byte 1: '\ufffd'"},
		"a control character":   {"2\x1b", `at byte 1: '\x1b'`},
		"a NUL":                 {"2\x00", `at byte 1: '\x00'`},
		"zero below":            {"1/0", "division by zero"},
		"zero below //":         {"1//0", "division by zero"},
		"zero below %":          {"1%0", "division by zero"},
		"a zero float below":    {"1.0/0.0", "division by zero"},
		"zero float below %":    {"5%-0.0", "division by zero"},
		"zero to less":          {"0**-1", "division by zero"},
		"zero float to less":    {"0.0**-0.5", "division by zero"},
		"a root of less":        {"(-8)**0.5", "no real number"},
		"a large power":         {"2**4096", "too large"},
		"a huge power":          {"9**9**9**9", "too large"},
		"a large base":          {"(10**1000)**1000", "too large"},
		"a large product":       {"2**4000*2**4000", "too large"},
		"a large sum":           {"2**4095+2**4095", "too large"},
		"a large float":         {"1e400", "too large"},
		"floats that overflow":  {"1e308*10", "too large"},
		"a power that does":     {"10.0**400", "too large"},
		"a quotient that does":  {"10**400/1", "too large"},
		"a large one as float":  {"10**400*1.0", "too large"},
		"a large one beside it": {"1.0+10**400", "too large"},
		"too long":              {strings.Repeat(" ", maxExpr) + "1", "1025 bytes, more than 1024"},
		"too many parentheses":  {deep(maxDepth, "(", ")"), "more than 64 levels"},
		"too many signs":        {deep(maxDepth, "-", ""), "more than 64 levels"},
		"too many powers":       {deep(maxDepth, "1**", ""), "more than 64 levels"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := eval(tc.in, func() int64 { return 1 })
			require.ErrorContains(t, err, tc.why)
			require.Empty(t, got)
			require.Equal(t, plain(err.Error()), err.Error(), "it can be printed")
			require.Less(t, len(err.Error()), 1100)
		})
	}
}

func TestEachRandomNumberIsOne(t *testing.T) {
	var n int64
	next := func() int64 { n++; return n }
	got, err := eval("randnum*100 + randnum*10 + (randnum)", next)
	require.NoError(t, err)
	require.Equal(t, "123", got)
	got, err = eval("randnum**2", func() int64 { return 100_000_000 })
	require.NoError(t, err)
	require.Equal(t, "10000000000000000", got, "exact, though no float64 would hold its neighbour")
}

// Every input gives a result or an error, and a result evaluates to itself.
func FuzzEval(f *testing.F) {
	for _, expr := range []string{
		"randnum**2", "-7 // 2 % 3.5", "2**-1", "1e308*10", "(1+2)*3", "9**9**9", "1_0", ".5e-3", "--1", "1/3", "10**400/3", "2**0.5//1",
	} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		result, err := eval(expr, func() int64 { return 42 })
		if err != nil {
			require.Empty(t, result)
			require.NotEmpty(t, err.Error())
			return
		}
		if len(result) > maxExpr {
			return // an integer can be longer than an expression may
		}
		again, err := eval(result, nil)
		require.NoError(t, err, "%q = %q", expr, result)
		require.Equal(t, result, again, expr)
	})
}
