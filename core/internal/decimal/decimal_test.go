package decimal

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	integers  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	naturals  = regexp.MustCompile(`^[0-9]+$`)
	fractions = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// check compares the numbers that are read from a text with a grammar and with strconv.
func check(t *testing.T, b []byte) {
	s := string(b)
	short := len(s) <= MaxLen
	for _, bits := range []int{8, 16, 32, 64} {
		n, ok := Int(b, bits)
		want, err := strconv.ParseInt(s, 10, bits)
		require.Equal(t, short && integers.MatchString(s) && err == nil, ok, "%q", s)
		if ok {
			require.Equal(t, want, n)
		}
		u, ok := Uint(b, bits)
		natural, err := strconv.ParseUint(s, 10, bits)
		require.Equal(t, short && naturals.MatchString(s) && err == nil, ok, "%q", s)
		if ok {
			require.Equal(t, natural, u)
		}
	}
	for _, bits := range []int{32, 64} {
		f, ok := Float(b, bits)
		want, err := strconv.ParseFloat(s, bits)
		require.Equal(t, short && fractions.MatchString(s) && err == nil, ok, "%q", s)
		if ok {
			require.Equal(t, math.Float64bits(want), math.Float64bits(f))
			require.False(t, math.IsInf(f, 0) || math.IsNaN(f))
		}
	}
	v, ok := Bool(b)
	if ok {
		want, err := strconv.ParseBool(s)
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
	require.Equal(t, strings.Trim(s, " \t\n\v\f\r"), string(Trim(b)))
}

var texts = []string{
	"", "0", "-1", "+1", "007", "1_0", "0x1p4", "0x10", "1e3", "1E+3", "1.", ".5", ".", "-", "+.e1", "e", "1e", "1e+", "1.5e-3", "1e999", "-1e-999",
	"Inf", "nan", "128", "-129", "32768", "2147483648", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "18446744073709551616",
	"1 2", " 1", "1\n", "\v1\f", "true", "True", "TRUE", "t", "false", "False", "1\x00", "٣", "\u00a01", "--1", "1.2.3", "1e1.5", "5e-324",
	strings.Repeat("9", 400), strings.Repeat("0", MaxLen) + "1", strings.Repeat("0", MaxLen-1) + "1",
}

func TestDecimal(t *testing.T) {
	for _, s := range texts {
		check(t, []byte(s))
	}
}

// The longest text of a float64 is no longer than a number may be.
func TestLongestFloat(t *testing.T) {
	s := strconv.FormatFloat(-math.Float64frombits(1<<52-1), 'f', 1100, 64)
	s = strings.TrimRight(s, "0")
	require.Less(t, len(s), MaxLen)
	f, ok := Float([]byte(s), 64)
	require.True(t, ok)
	require.Equal(t, -math.Float64frombits(1<<52-1), f)
}

// Reading allocates nothing, for a text of any length.
func TestNothingIsAllocated(t *testing.T) {
	long := []byte(strings.Repeat("1", 1<<20))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		Int(long, 64)
		Uint(long, 64)
		Float(long, 64)
		Bool(long)
		Int([]byte("-12345"), 64)
		Float([]byte("-12.345e6"), 64)
	}))
}

func FuzzDecimal(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}
