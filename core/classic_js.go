package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A page reaches no plain TCP port, so a browser build does not speak the original's protocol.
const hasClassic = false

const maxNoticeForm = 0

// None of this is ever run: there is no way to make a classicPeer here.
type classicPeer struct{}

func (*classicPeer) next([]byte, int) (wire.Frame, int, bool, error) {
	return wire.Frame{}, 0, false, errClassicCall
}
func (*classicPeer) frame(Frame, form) ([]byte, error)           { return nil, errClassicCall }
func (*classicPeer) change(notices.Change) []byte                { return nil }
func (*classicPeer) sent([]byte) (Frame, int, bool)              { return Frame{}, 0, false }
func (*classicPeer) receive(*Conn, *reader, wire.Frame) bool     { return true }
func (*classicPeer) run(*Conn, []byte)                           {}
func (*classicPeer) write(*Conn, transport.Conn, [][]byte) error { return errClassicCall }
func (c *Conn) classicGroup() string                             { return "" }
func (c *Conn) showClassic(*notices.View)                        {}
func (*classicPeer) dialect() Dialect                            { return Dialect002 }
func (*classicPeer) welcome(*Conn) []byte                        { return nil }
func (*classicPeer) refusal() []byte                             { return nil }
func (*classicPeer) lastWord(*wire.Goodbye) []byte               { return nil }
func (*classicPeer) resets() (resets, waits bool)                { return false, false }
func (*classicPeer) noticeForm() int                             { return 0 }
func (*classicPeer) aliveProbe() []byte                          { return nil }
func (*classicPeer) held() int                                   { return 0 }
func (*classicPeer) abbreviates([]byte) bool                     { return false }
func abbreviated[T any]([]byte) (v T, ok bool)                   { return v, false }
func (*classicPeer) ended(int, error) *Error                     { return nil }
func (*classicPeer) sweep(*Conn, time.Duration)                  {}
func (*classicPeer) unsaid(*budget.Budget) []Undelivered         { return nil }
func (*classicPeer) askRecord(context.Context, *Conn, string) (Presence, error) {
	return Presence{}, errNoClassic
}
func (c *Conn) holdBack(Frame, *sending) (bool, error) { return false, nil }
func formOf(any) form                                  { return 0 }
func isClassic(byte) bool                              { return false }
func leaveClassic(transport.Conn)                      {}

func (*Server) readClassicHello(transport.Conn, *reader) (*wire.Hello, *classicPeer, *Error) {
	return nil, nil, errNoClassic
}

func (*Client) helloClassic() ([]byte, *classicPeer, error) { return nil, nil, errNoClassic }

func (*Client) shakeClassic(transport.Conn, []byte) (*wire.Welcome, error) {
	return nil, errNoClassic
}

var errNoClassic = &Error{Code: CodeUnsupported, Message: "a browser build does not speak the original's protocol"}
