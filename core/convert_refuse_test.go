//go:build !js

package core

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/convert"
)

// A value that has no form is refused by Send, also inside another value. Nothing panics.
func TestConvertRefusesToSend(t *testing.T) {
	var itself any
	itself = &itself
	var round ring
	round = &round
	loop := map[string]any{}
	loop["loop"] = loop
	for name, v := range map[string]any{
		"not a number":       math.NaN(),
		"infinite":           float32(math.Inf(-1)),
		"named infinite":     celsius(math.Inf(1)),
		"pointer to one":     ptr(math.NaN()),
		"one in a struct":    struct{ F float64 }{math.NaN()},
		"text that is not":   "\xff",
		"named":              nickname("\xff"),
		"channel":            make(chan int),
		"function":           func() {},
		"pointer to channel": ptr(make(chan int)),
		"complex number":     1i,
		"itself":             itself,
		"round":              round,
		"loop":               loop,
		"bad year":           time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		"not JSON":           json.RawMessage("{"),
	} {
		_, err := encode(convert.Default{}, v)
		require.Equal(t, CodeBadPayload, CodeOf(err), name)
	}
}

// Numbers and bools are read from decimal text only, not from the other forms that Go knows.
func TestConvertRefusesOtherForms(t *testing.T) {
	for _, payload := range []string{
		"0x1p4", "1_0", "0x10", "0b1", "0o7", "Inf", "+Inf", "-inf", "infinity", "NaN", "nan", "1e", "e1", "1e+", ".", "+", "-", "", " ",
		"1 2", "1,5", "--1", "1.2.3", "1e1.5", "1\x00", "٣", "\u00a01", "1f", "null", "true", `"1"`, strings.Repeat("1", 2000),
	} {
		fails[float64](t, payload, "float64")
		fails[celsius](t, payload, "float64")
		fails[int](t, payload, "int")
		fails[steps](t, payload, "int")
		fails[uint64](t, payload, "uint64")
	}
	for _, payload := range []string{"1.0", "1e3", "9223372036854775808", "-9223372036854775809"} {
		fails[int64](t, payload, "int64")
	}
	for _, payload := range []string{"+1", "-0", "18446744073709551616"} {
		fails[uint64](t, payload, "uint64")
	}
	for _, payload := range []string{"t", "T", "TRUE", "FALSE", "yes", "on", "", "null", "1.0", "01", "truefalse"} {
		fails[bool](t, payload, "bool")
		fails[flag](t, payload, "bool")
	}
	for payload, want := range map[string]bool{" true\n": true, "True": true, "1": true, "false": false, "False": false, "0": false} {
		meet(t, payload, want)
	}
	for payload, want := range map[string]float64{"+.5": 0.5, "5.": 5, "1E3": 1000, "-0": math.Copysign(0, -1), "1e-999": 0, "007": 7, "\t1\v": 1} {
		meet(t, payload, want)
	}
	meet(t, "+007", 7)
}
