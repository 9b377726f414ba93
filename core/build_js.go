package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// What a browser build lacks. A page has one connection, one thread and its own server, and loads
// each byte of the program. So a feature that is of little use to a page has a switch here, and
// stubs in place of its functions. A switch is a constant, so that code which depends on
// it is not in the program either. The number is the size that the feature would add to a page, compressed.
//
// A feature switch says that the feature is missing. Code that differs because it runs in a page
// depends on browser.
//
// Where both builds do the same in different ways there is a pair of files: log_*.go here (240 KB for log/slog), and
// below internal convert (80 KB for reflection, 200 KB for JSON), safe (90 KB), session (80 KB for random tokens), admit
// (20 KB for package netip), pool (3 KB), roster (2 KB for case folding). A pair that saves less than 1 KB is not worth it.
const (
	browser = true

	hasLegacy     = false // a page reaches no plain TCP port, and so nobody who speaks the original's protocol
	hasCommands   = false // each command and call is handled by itself (8 KB)
	hasManual     = false // a page has a loop of its own (4 KB)
	hasOverflow   = false // what a page sends is never dropped, and a send does not wait (16 KB)
	hasCrowd      = false // there is one connection (3 KB)
	hasBudget     = false // there is one queue, and it has a bound (27 KB)
	hasAhead      = false // nobody comes (1 KB)
	hasStandstill = false // the calls of a page do not say which of its handlers makes them (7 KB)
)

// isLate has nothing to report: package os would add 80 KB.
func isLate(error) bool { return false }

// hasLegacy: none of this is ever run, since nothing makes a legacyPeer.

const maxNoticeForm = 0

type legacyPeer struct{}

func (*legacyPeer) dialect() Dialect                                   { return DialectNative }
func (*legacyPeer) over(stream transport.Conn) transport.Conn          { return stream }
func (*legacyPeer) heartbeat(native time.Duration) time.Duration       { return native }
func (*legacyPeer) sent(b []byte) (Frame, int, bool)                   { return parseSent(b) }
func (*legacyPeer) ended(int, error) *Error                            { return nil }
func (*legacyPeer) lastWord(bye *wire.Goodbye) ([]byte, *wire.Goodbye) { return nil, bye }
func (*legacyPeer) unsaid() []Undelivered                              { return nil }
func (*legacyPeer) held() int                                          { return 0 }
func (*legacyPeer) sweep(*Conn, time.Duration)                         {}
func (*legacyPeer) shows(*Conn, *notices.View)                         {}
func (*legacyPeer) noticeForm() int                                    { return 0 }
func (*legacyPeer) change(ch notices.Change, groups bool) []byte       { return appendChange(ch, groups) }
func (*legacyPeer) probe(c *Conn, nonce uint64)                        { c.out.Ping(nonce) }
func (*legacyPeer) batch() func(*Conn, *reader) bool                   { return (*Conn).batch }
func (*legacyPeer) formOf(any) form                                    { return 0 }
func (*legacyPeer) Refusal() []byte                                    { return nil }
func (*legacyPeer) Abbreviates([]byte) bool                            { return false }
func (*legacyPeer) shake(cl *Client, n *welcomed, hello []byte) (err error) {
	n.welcome, err = shake(n.stream, n.rd, hello, &cl.cfg)
	return err
}

func (*Conn) speak(*legacyPeer)                                   {}
func (*Conn) runLegacy([]byte)                                    {}
func (*Conn) sendLegacy(Frame, *sending) error                    { return nil }
func (*Conn) ownFrame(Frame, *sending) ([]byte, error)            { return nil, nil }
func (*Conn) legacyGroup() string                                 { return "" }
func (*Conn) welcomeLegacy() []byte                               { return nil }
func (*Conn) askRecord(context.Context, string) (Presence, error) { return Presence{}, errNoLegacy }

func formOf(any) form                                   { return 0 }
func expanded[T any]([]byte) (v T, ok bool)             { return v, false }
func mayBeLegacy(_ *reader, why *Error, _ error) *Error { return why }
func (*Server) isLegacy(*reader) bool                   { return false }

func (*Server) readLegacyHello(transport.Conn, *reader) (*wire.Hello, *legacyPeer, *Error) {
	return nil, nil, errNoLegacy
}
func (*Client) helloLegacy() ([]byte, *legacyPeer, error) { return nil, nil, errNoLegacy }

var errNoLegacy = &Error{Code: CodeUnsupported, Message: "a browser build does not speak the original's protocol"}

// hasCommands

func (*Conn) commands(*reader, wire.Frame) bool { return false }
func (*Conn) requests(*reader, wire.Frame) bool { return false }
func (*Conn) takeOver(turn.Token)               {}

type contexts struct{}

func newCallContext(conn *Conn) (context.Context, context.CancelFunc) {
	return context.WithCancel(conn.Context())
}

// hasManual: there is never a manualQueue.

type manualQueue struct{}

func newManualQueue(bool) *manualQueue { return nil }

type task struct {
	c     *Conn
	event func()
}

func (*manualQueue) add(task)                                        {}
func (*manualQueue) run(time.Duration) int                           { return 0 }
func (*manualQueue) runUntil(context.Context, <-chan struct{}) error { return nil }
func (*manualQueue) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Clusters: there are no servers.

type (
	cluster      struct{}
	transit      struct{}
	sentAt       struct{}
	clusterHooks struct{}
)

func newCluster(*Server, ClusterOptions) *cluster { return nil }

func (*cluster) elsewhere() bool                                        { return false }
func (*cluster) publish(audience, Frame, *sending)                      {}
func (*cluster) number() uint64                                         { return 0 }
func (*cluster) ownSession(uint64, uint64) (uint64, bool)               { return 0, false }
func (*cluster) fetch(context.Context, *arrival) (*Conn, *Error)        { return nil, nil }
func (*cluster) arrivals() uint64                                       { return 0 }
func (*cluster) andArrived(_ uint64, _ audience, conns []*Conn) []*Conn { return conns }
func (*cluster) announce(*Conn, standing)                               {}
func (*cluster) leaveOut(*sending) error                                { return nil }
func (*cluster) wantGroup(string)                                       {}
func (*cluster) wantName(string)                                        {}
func (*cluster) enter(*Conn)                                            {}
func (*cluster) left(*Conn, []string)                                   {}
func (*cluster) serve()                                                 {}
func (*cluster) hurry()                                                 {}
func (*cluster) stop()                                                  {}
func (*cluster) stats() (r RelayStats)                                  { return r }
func (*cluster) disconnectUser(string, *Error)                          {}

func (*Server) claim(context.Context, *Conn, string, string) (func(), *Error) { return func() {}, nil }
func (*Server) claimName(context.Context, *Conn, string) (func(), *Error)     { return func() {}, nil }
func (*Server) unclaim([]string, string)                                      {}
func (*Server) sendOne(_ string, _ Frame, none error, _ *sending) error       { return none }

func sameToken(own, token []byte) bool                                { return session.SameToken(own, token) }
func (*cluster) holdUp()                                              {}
func (*cluster) handOver(context.Context)                             {}
func (*Server) goOnFetched(*Conn, *reader)                            {}
func (*Conn) diverted(_ Frame, _ []byte, _ *sending, err error) error { return err }
func (*Conn) isArriving() bool                                        { return false }

func (*User) callEverywhere(context.Context, string, []byte) ([]byte, error) { return nil, nil }

// Stores of history: there are no servers.

type sharedHistory struct{}

func newSharedHistory(*Server, History) *sharedHistory { return nil }

func (*sharedHistory) serve()                                                      {}
func (*sharedHistory) stop()                                                       {}
func (*sharedHistory) stats() (s HistoryStats)                                     { return s }
func (*sharedHistory) send(audience, Frame, *sending) error                        { return nil }
func (*sharedHistory) joined(*history.Group, string, *Conn, wire.Position) []error { return nil }
func (*sharedHistory) left(*history.Group, string, *Conn, bool)                    {}
func (*sharedHistory) gone(string, *Conn)                                          {}
func (*sharedHistory) history(string) []Frame                                      { return nil }
func (*sharedHistory) replayLater(*history.Group, string, *Conn, int) bool         { return false }
func (*sharedHistory) forget(string)                                               {}

// hasCrowd

const fairFrames = 1 << 62

type (
	share    struct{}
	clock    struct{}
	fairness struct{}
)

func (fairness) count(int)                   {}
func (fairness) close()                      {}
func (*Conn) letOthers(*reader, *clock) bool { return true }
func (*Conn) hadBatch(uint64, int)           {}

// Nothing in a browser build uses these fields, which staticcheck would report.
var (
	_ = reader{}.lastCall
	_ = (&Conn{}).share
	_ = Remote{}.srv
	_ = sending{}.at
	_ = (&Server{}).clusterHooks
)
