package core

// A Logger takes what happens that nobody asked to be told. Any *slog.Logger is one.
// It is called from many goroutines at once.
//
// msg says in words what happened. args are keys and values in turn: conn, the connection's id;
// addr, name and user, who the client is; command or group; code and err, what failed and
// why. What a peer sent is in them as text without control characters, at most 128 bytes of a
// name and 512 of an error; what was cut ends with "…" and its length. A line
// has no payload, Auth, Metadata or Details.
//
// Peers cannot fill a log. Of lines with the same msg about one connection the first five are
// written, and then one every 10 s; about all connections of a Server or Client together, the first
// 50 and then one a second, and for Debug and Info the first 1,000 and then 100 a second.
// left_out in the next line says how many lines of this connection were left out, left_out_of_all
// how many of all. What is left when a connection ends, or the server, one more line says.
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

// A journal writes the lines of one Server or Client. All of them go through it, so that
// no peer can fill a log: see package thin. In a browser build package web thins the lines, in
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

// debug, info, warn and error write a line. what says in words what happened: it is a constant, by
// which lines are thinned. c and err may be nil. args are keys and values in turn; values that are
// text may be as a peer has sent them, and empty ones are left out.
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

// Text that is shown is printable and short enough already.
type shown string
