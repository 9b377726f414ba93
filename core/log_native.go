//go:build !js

package core

import (
	"log/slog"
	"time"

	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/thin"
)

// A lines says which lines about one connection are left out, and an allLines which lines about all connections.
type (
	lines    = thin.Source
	allLines = thin.Log
)

// defaultLogger writes warnings and errors to the logger that [slog.Default] returns at the time of each line.
var defaultLogger Logger = defaultLog{}

type defaultLog struct{ silent }

func (defaultLog) Warn(msg string, args ...any)  { slog.Default().Warn(msg, args...) }
func (defaultLog) Error(msg string, args ...any) { slog.Default().Error(msg, args...) }

func (j *journal) write(l level, c *Conn, what string, err error, args []any) {
	if j.to == Silent {
		return
	}
	var of *thin.Source
	if c != nil {
		of = &c.lines
	}
	ok, own, all := j.thin.Ask(of, what, l < levelWarn, time.Now())
	if !ok {
		return
	}
	line := make([]any, 0, 16+len(args))
	if c != nil {
		line = append(line, "conn", c.id, "addr", safe.Clip(c.Addr(), safe.MaxName))
		if name := c.Name(); name != "" {
			line = append(line, "name", safe.Clip(name, safe.MaxName))
		}
		if c.User() != "" {
			line = append(line, "user", safe.Clip(c.User(), safe.MaxName))
		}
	}
	for i := 0; i+1 < len(args); i += 2 {
		v := args[i+1]
		switch text := v.(type) {
		case string:
			v = safe.Clip(text, safe.MaxName)
		case shown:
			v = string(text)
		}
		if v != "" {
			line = append(line, args[i], v)
		}
	}
	if e, ok := asCoded(err); ok && e != nil {
		line = append(line, "code", e.Code.String())
	}
	if err != nil {
		if text := reasonText(err); text != "" {
			line = append(line, "err", text)
		}
	}
	if own > 0 {
		line = append(line, "left_out", own)
	}
	if all > 0 {
		line = append(line, "left_out_of_all", all)
	}
	j.put(l, what, line)
}

func (j *journal) put(l level, what string, line []any) {
	what = "hisock: " + what
	switch l {
	case levelDebug:
		j.to.Debug(what, line...)
	case levelInfo:
		j.to.Info(what, line...)
	case levelWarn:
		j.to.Warn(what, line...)
	default:
		j.to.Error(what, line...)
	}
}

// leave writes how many lines were left out about a connection that has ended.
func (j *journal) leave(c *Conn) {
	if left := c.lines.End(); left != nil {
		line, l := leftOut(left)
		j.write(l, c, "lines about a connection were left out", nil, line)
	}
}

// end writes how many lines about all connections were left out and have been told in no other line.
func (j *journal) end() {
	if left := j.thin.End(); left != nil {
		line, l := leftOut(left)
		j.put(l, "lines were left out", line)
	}
}

// leftOut returns the keys and values of a line that tells how many lines of each kind were left out, and its level.
func leftOut(left []thin.Left) (line []any, l level) {
	l = levelDebug
	for _, of := range left {
		if of.Kind == "" {
			of.Kind = "others"
		}
		if !of.Quiet {
			l = levelWarn
		}
		line = append(line, of.Kind, of.Lines)
	}
	return line, l
}

// faultText returns the text of a log line for an error with that code.
func faultText(code Code) string {
	switch code {
	case CodeUnknownCommand:
		return "a command has no handler"
	case CodeBadPayload:
		return "a payload does not convert"
	case CodeBadName:
		return "a name is not well formed"
	case CodeTooBig:
		return "a frame is too large"
	case CodeInternal:
		return "a handler failed"
	case CodeProtocol:
		return "a peer broke the protocol"
	case CodeSlowConsumer, CodeWriteTimeout:
		return "a peer does not read fast enough"
	case CodeHeartbeat:
		return "a peer fell silent"
	case CodeRateLimit, CodeTooManyCalls:
		return "a peer sends too much"
	case CodeDeadlineExceeded:
		return "a peer takes too long"
	case CodeIdle:
		return "a peer has been idle for too long"
	}
	return "something failed"
}
