package core

import (
	"time"

	"github.com/hisock/hisock/core/wire"
)

// A page accepts nobody, so a browser build does not count calls and does not watch
// how fast clients are.

func (*Conn) turnedDown(wire.Frame) bool   { return false }
func (*Conn) comesTooLate(wire.Frame) bool { return false }

type changeRate struct{}

var _ = (&Conn{}).changes // of which nothing here makes use

func (*Server) spendChange(*Conn) *Error { return nil }

type guard struct{}

func newGuard(*ServerOptions) *guard { return nil }

func (*guard) counts() bool               { return false }
func (*guard) got(*Conn, wire.Kind) bool  { return true }
func (*guard) awaits(*reader)             {}
func (*guard) received(*Conn, int)        {}
func (*guard) stall()                     {}
func (*guard) sweep(*Conn, time.Duration) {}
