package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorText(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"with text":    {&Error{CodeProtocol, "hello: version: missing"}, "wire: hello: version: missing"},
		"without text": {&Error{Code: CodeTooBig}, "wire: too big"},
		"too big":      {firstError(Next([]byte{0x81, 0x80, 0x40}, 0)), "wire: frame length 1048577 B exceeds limit 1048576 B"},
		"unknown kind": {firstError(Next([]byte{0x05, 0x7f}, 0)), "wire: unknown frame kind 0x7f"},
		"name": {
			ValidName("a\nb", 0),
			`wire: name "a\nb": control character "\n" at byte 1`,
		},
		"long name": {
			ValidName(strings.Repeat("é", 100), 128),
			`wire: name "` + strings.Repeat(`\u00e9`, 24) + `"...: 200 B exceeds limit 128 B`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.EqualError(t, tc.err, tc.want) })
	}
}

func firstError(_ Frame, _ int, _ bool, err error) error { return err }
