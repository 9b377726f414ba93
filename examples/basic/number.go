package main

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxBits is the greatest size of an integer, in bits, so that no expression takes long. Such an integer has
// more than a thousand digits.
const maxBits = 4096

var (
	errZero   = errors.New("division by zero")
	errTooBig = errors.New("the result is too large")
)

// A number is an integer of any sign and at most maxBits bits, or a finite float. It does not
// change.
type number struct {
	i *big.Int // nil for a float
	f float64
}

func integer(n int64) number { return number{i: big.NewInt(n)} }

// parseNumber reads the decimal number at the start of s, and returns its length in bytes.
func parseNumber(s string) (n number, size int, err error) {
	digits := func() {
		for size < len(s) && s[size] >= '0' && s[size] <= '9' {
			size++
		}
	}
	digits()
	whole := true
	if size < len(s) && s[size] == '.' {
		whole = false
		size++
		digits()
	}
	if rest := s[size:]; rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		whole = false
		size++
		if size < len(s) && (s[size] == '+' || s[size] == '-') {
			size++
		}
		digits()
	}
	text := s[:size]
	if whole {
		i, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return n, 0, fmt.Errorf("%q is no number", text)
		}
		n, err = bounded(i)
		return n, size, err
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return n, 0, errTooBig
	case err != nil:
		return n, 0, fmt.Errorf("%q is no number", text)
	}
	return number{f: f}, size, nil
}

// bounded returns i as a number if it is not too large.
func bounded(i *big.Int) (number, error) {
	if i.BitLen() > maxBits {
		return number{}, errTooBig
	}
	return number{i: i}, nil
}

// finite returns f as a number if f is finite.
func finite(f float64) (number, error) {
	switch {
	case math.IsInf(f, 0):
		return number{}, errTooBig
	case math.IsNaN(f):
		return number{}, errors.New("the result is no real number")
	}
	return number{f: f}, nil
}

func (n number) negated() number {
	if n.i != nil {
		return number{i: new(big.Int).Neg(n.i)}
	}
	return number{f: -n.f}
}

// float returns n as a float. It fails if n is an integer that is too large for a float.
func (n number) float() (float64, error) {
	if n.i == nil {
		return n.f, nil
	}
	f, _ := new(big.Float).SetInt(n.i).Float64()
	if math.IsInf(f, 0) {
		return 0, errTooBig
	}
	return f, nil
}

func (n number) isZero() bool {
	if n.i != nil {
		return n.i.Sign() == 0
	}
	return n.f == 0
}

// apply computes n op m.
func (n number) apply(op string, m number) (number, error) {
	if strings.ContainsAny(op, "/%") && m.isZero() {
		return number{}, errZero
	}
	if op == "**" && n.isZero() && (m.f < 0 || m.i != nil && m.i.Sign() < 0) {
		return number{}, errZero
	}
	if n.i != nil && m.i != nil {
		switch op {
		case "/":
			// The result is rounded only once, even if no float is exactly one of the integers.
			f, _ := new(big.Rat).SetFrac(n.i, m.i).Float64()
			return finite(f)
		case "**":
			if m.i.Sign() >= 0 {
				return powInt(n.i, m.i)
			}
		default:
			return applyInt(op, n.i, m.i)
		}
	}
	a, err := n.float()
	if err != nil {
		return n, err
	}
	b, err := m.float()
	if err != nil {
		return n, err
	}
	return finite(applyFloat(op, a, b))
}

func applyInt(op string, a, b *big.Int) (number, error) {
	r := new(big.Int)
	switch op {
	case "+":
		r.Add(a, b)
	case "-":
		r.Sub(a, b)
	case "*":
		r.Mul(a, b) // at most twice the bits
	case "//", "%":
		quotient, rest := r.QuoRem(a, b, new(big.Int))
		if rest.Sign() != 0 && rest.Sign() != b.Sign() { // round down, not to zero
			quotient.Sub(quotient, big.NewInt(1))
			rest.Add(rest, b)
		}
		if op == "%" {
			r = rest
		}
	}
	return bounded(r)
}

// powInt computes a to the power of b. It checks the size of the result first.
func powInt(a, b *big.Int) (number, error) {
	small := a.BitLen() <= 1 // 0, 1 and -1 do not grow
	if !small && (!b.IsInt64() || b.Int64() > maxBits || int64(a.BitLen()-1)*b.Int64() > maxBits) {
		return number{}, errTooBig // the result has at least (a.BitLen()-1)*b bits
	}
	if small && b.Sign() > 0 {
		b = big.NewInt(int64(2 - b.Bit(0))) // only odd or even matters
	}
	return bounded(new(big.Int).Exp(a, b, nil))
}

func applyFloat(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "//":
		_, quotient := floorMod(a, b)
		return quotient
	case "%":
		rest, _ := floorMod(a, b)
		return rest
	}
	return math.Pow(a, b)
}

// floorMod divides rounding down: the rest has the sign of b, even if it is zero.
func floorMod(a, b float64) (rest, quotient float64) {
	rest = math.Mod(a, b)
	quotient = math.Round((a - rest) / b)
	switch {
	case rest == 0:
		rest = math.Copysign(0, b)
	case (rest < 0) != (b < 0):
		rest += b
		quotient--
	}
	return rest, quotient
}

// String returns n as Python writes it: a float always has a point or an exponent.
func (n number) String() string {
	if n.i != nil {
		return n.i.String()
	}
	return floatText(n.f)
}

// floatText returns a float as Python writes it: the shortest text that gives the same float, with a point, or with
// an exponent if the float is very large or very small.
func floatText(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
