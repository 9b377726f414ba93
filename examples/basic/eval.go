package main

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of an expression, because any client may send one.
const (
	maxExpr  = 1024 // length in bytes
	maxDepth = 64   // nested parentheses, signs and powers
)

// randName stands for a random number in an expression.
const randName = "randnum"

// eval computes an arithmetic expression and returns the result as Python writes it.
//
//	sum     = product { ("+" | "-") product }
//	product = sign { ("*" | "/" | "//" | "%") sign }
//	sign    = ("+" | "-") sign | power
//	power   = atom [ "**" sign ]
//	atom    = number | "randnum" | "(" sum ")"
//
// An expression has the same meaning as in Python: integers are exact, "/" gives a float, "%" and "//"
// round down, and -2**2 is -4. Only the last digit of a float's power may differ. Each
// randnum is the result of a new call of random.
//
// maxExpr, maxDepth and maxBits bound the time and memory for an expression. An error of the syntax says where it
// is.
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

// A parser computes while it reads. After each of its methods pos is behind the text that the method has read.
type parser struct {
	in     string
	pos    int // index in in of the next byte
	depth  int // nested parentheses, signs and powers at pos
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

// deeper adds one to depth, and fails if that is too deep. The caller subtracts one when it has read the nested
// expression.
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

// operator reads one of ops if it is next, and returns it, or returns "". It tries ops in their order. It never reads
// "**" as two "*".
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
