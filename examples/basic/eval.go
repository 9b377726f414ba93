package main

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of an expression, which comes from whoever has connected.
const (
	maxExpr  = 1024 // bytes
	maxDepth = 64   // of parentheses, signs and powers inside one another
)

// randName is the name that stands for a random number in an expression.
const randName = "randnum"

// eval computes an arithmetic expression and returns the result as Python writes it.
//
//	sum     = product { ("+" | "-") product }
//	product = sign { ("*" | "/" | "//" | "%") sign }
//	sign    = ("+" | "-") sign | power
//	power   = atom [ "**" sign ]
//	atom    = number | "randnum" | "(" sum ")"
//
// It means what it means in Python: integers are exact, "/" gives a float, "%" and "//"
// round down, -2**2 is -4; only the last digit of a float's power may be another one. Each
// randnum is what random returns, a number of its own.
//
// Nothing else can be said in it, and what it may cost is bounded by maxExpr, maxDepth and
// maxBits. An error says what is wrong and, if it is the syntax, where.
func eval(expr string, random func() int64) (string, error) {
	if len(expr) > maxExpr {
		return "", fmt.Errorf("the expression has %d bytes, more than %d", len(expr), maxExpr)
	}
	p := &parser{in: expr, random: random}
	n, err := p.sum()
	if err != nil {
		return "", err
	}
	if p.skip(); p.pos < len(p.in) {
		return "", p.unexpected()
	}
	return n.String(), nil
}

// A parser computes as it reads. Its methods leave pos behind what they have read.
type parser struct {
	in     string
	pos    int
	depth  int
	random func() int64
}

func (p *parser) sum() (number, error) {
	return p.chain(p.product, "+", "-")
}

func (p *parser) product() (number, error) {
	return p.chain(p.sign, "//", "*", "/", "%")
}

// chain reads operands with any of the operators between them, from left to right.
func (p *parser) chain(operand func() (number, error), ops ...string) (number, error) {
	n, err := operand()
	for err == nil {
		op := p.operator(ops...)
		if op == "" {
			break
		}
		var right number
		if right, err = operand(); err == nil {
			n, err = n.apply(op, right)
		}
	}
	return n, err
}

// deeper counts one more of what may stand inside one another; the caller ends it by
// taking one off depth.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("more than %d levels inside one another", maxDepth)
	}
	return nil
}

func (p *parser) sign() (number, error) {
	if err := p.deeper(); err != nil {
		return number{}, err
	}
	defer func() { p.depth-- }()
	switch p.operator("+", "-") {
	case "+":
		return p.sign()
	case "-":
		n, err := p.sign()
		if err != nil {
			return n, err
		}
		return n.negated(), nil
	}
	return p.power()
}

func (p *parser) power() (number, error) {
	n, err := p.atom()
	if err != nil || p.operator("**") == "" {
		return n, err
	}
	exponent, err := p.sign()
	if err != nil {
		return n, err
	}
	return n.apply("**", exponent)
}

func (p *parser) atom() (number, error) {
	p.skip()
	rest := p.in[p.pos:]
	switch {
	case rest == "":
		return number{}, p.unexpected()
	case rest[0] == '(':
		p.pos++
		n, err := p.sum()
		if err != nil {
			return n, err
		}
		if p.skip(); p.pos == len(p.in) || p.in[p.pos] != ')' {
			return n, p.unexpected()
		}
		p.pos++
		return n, nil
	case rest[0] == '.' || rest[0] >= '0' && rest[0] <= '9':
		n, size, err := parseNumber(rest)
		if err != nil {
			return n, fmt.Errorf("at byte %d: %w", p.pos, err)
		}
		p.pos += size
		return n, nil
	case strings.HasPrefix(rest, randName):
		p.pos += len(randName)
		return integer(p.random()), nil
	}
	return number{}, p.unexpected()
}

// operator reads the first of ops that comes next, or returns "". The two characters of "**"
// are never read as two "*".
func (p *parser) operator(ops ...string) string {
	p.skip()
	rest := p.in[p.pos:]
	for _, op := range ops {
		if strings.HasPrefix(rest, op) && (op != "*" || !strings.HasPrefix(rest, "**")) {
			p.pos += len(op)
			return op
		}
	}
	return ""
}

func (p *parser) skip() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) unexpected() error {
	if p.pos == len(p.in) {
		return errors.New("the expression ends too early")
	}
	for _, r := range p.in[p.pos:] {
		return fmt.Errorf("at byte %d: %q does not belong there", p.pos, r)
	}
	return nil // not reached: there is a character at pos
}
