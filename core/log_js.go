package core

import (
	"github.com/hisock/hisock/core/internal/safe"
)

type (
	lines    struct{}
	allLines struct{}
)

var _, _ = (&Conn{}).lines, (&journal{}).thin // fields that this build does not use, for staticcheck

// defaultLogger writes nothing: package wasm sets a logger that writes to the page's console.
var defaultLogger = Silent

func (j *journal) write(l level, _ *Conn, what string, err error, args []any) {
	for i, v := range args {
		switch text := v.(type) {
		case string:
			args[i] = safe.Text(text)
		case shown:
			args[i] = string(text)
		}
	}
	if err != nil {
		args = append(args, "code", CodeOf(err).String(), "err", reasonText(err))
	}
	if l >= levelWarn {
		j.to.Warn("hisock: "+what, args...)
	}
}

func (j *journal) leave(*Conn) {}
func (j *journal) end()        {}

func faultText(code Code) string { return code.String() }
