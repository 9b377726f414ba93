package core

// A Logger gets the log of a [Server] or [Client]. Any *slog.Logger is one.
// It is called from many goroutines at once.
//
// msg says in words what happened. args are keys and values in turn: conn, the connection's id;
// addr, name and user of the client; command or group; code and err of a failure. Text
// that a peer has sent is shown without control characters, and cut to 128 bytes of a
// name and 512 of an error. Text that was cut ends with "…" and its length. A line
// has no payload, Auth, Metadata or Details.
//
// Peers cannot fill a log. Of the lines with the same msg about one connection the first five are
// written, and then one every 10 s. Of the lines about all connections of a Server or Client together the first
// 50 are written, and then one a second; for Debug and Info the first 1,000, and then 100 a second.
// left_out in the next line is the number of lines about this connection that were left out, and left_out_of_all
// the number about all connections. When a connection or the server ends, one more line has the numbers that no other
// line has told.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// Silent is a [Logger] that writes nothing.
var Silent Logger = silent{}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// A journal writes the log of one Server or Client. Package thin leaves lines out, so that no
// peer can fill a log. In a browser build the JavaScript of package web leaves lines out.
type journal struct {
	to   Logger
	thin allLines
}

// newJournal returns a journal for the option Logger, which may be nil.
func newJournal(to Logger) *journal {
	if to == nil {
		to = defaultLogger
	}
	return &journal{to: to}
}

// A level is how important a line is.
type level uint8

const (
	levelDebug level = iota
	levelInfo
	levelWarn
	levelError
)

// debug, info, warn and error write a line. what says in words what happened. It is a constant, since lines with the same
// what are left out together. c and err may be nil. args are keys and values in turn. A value may be a string as
// a peer has sent it. An empty string is left out with its key.
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
