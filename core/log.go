package core

// A Logger takes the log of a Server or Client. Any *slog.Logger is one.
// It is called from many goroutines at once.
//
// msg says in words what happened. args are keys and values in turn: conn, the connection's id;
// addr, name and user of the client; command or group; code and err of a failure. Text
// that a peer has sent has no control characters in them, at most 128 bytes of a
// name and 512 of an error. Text that was cut ends with "…" and its length. A line
// has no payload, Auth, Metadata or Details.
//
// Peers cannot fill a log. Of the lines with the same msg about one connection the first five are
// written, and then one every 10 s. Of the lines about all connections of a Server or Client together the first
// 50 are written, and then one a second; for Debug and Info the first 1,000, and then 100 a second.
// left_out in the next line says how many lines of this connection were left out, left_out_of_all
// how many of all connections. When a connection ends, or the server, one more line says how many were left out at last.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// Silent is a [Logger] that says nothing.
var Silent Logger = silent{}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// A journal writes the lines of one Server or Client. All lines go through it, and package thin leaves some out: no
// peer can fill a log. In a browser build package web thins the lines, in
// JavaScript.
type journal struct {
	to   Logger
	thin allLines
}

// newJournal returns a journal for a logger of the options, which may be nil.
func newJournal(to Logger) *journal {
	if to == nil {
		to = defaultLogger
	}
	return &journal{to: to}
}

// A level of a line.
type level uint8

const (
	levelDebug level = iota
	levelInfo
	levelWarn
	levelError
)

// debug, info, warn and error write a line. what says in words what happened. It is a constant, by
// which lines are thinned. c and err may be nil. args are keys and values in turn. A value that is
// text may be as a peer has sent it, and an empty one is left out.
func (j *journal) debug(c *Conn, what string, err error, args ...any) {
	j.write(levelDebug, c, what, err, args)
}

func (j *journal) info(c *Conn, what string, err error, args ...any) {
	j.write(levelInfo, c, what, err, args)
}

func (j *journal) warn(c *Conn, what string, err error, args ...any) {
	j.write(levelWarn, c, what, err, args)
}

func (j *journal) error(c *Conn, what string, err error, args ...any) {
	j.write(levelError, c, what, err, args)
}

// A shown is a text that is printable and short enough already.
type shown string
