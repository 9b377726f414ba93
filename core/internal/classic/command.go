package classic

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// MaxCommand is how long the first word of a payload may be, in bytes, for
// [SplitCommand] to take it for a command's name.
const MaxCommand = 256

// CommandSize is how many bytes [AppendCommand] adds for a name and a content of
// that many bytes, the header included.
func CommandSize(headerLen int, name string, content int) int {
	return Size(headerLen, commandLength(name, content))
}

func commandLength(name string, content int) int { return len(name) + 1 + content }

// AppendCommand appends the frame of a command. The space between name and
// content is there even if the content is empty. The caller has checked the name
// with [CheckCommand] and the length, see [AppendFrame].
func AppendCommand(dst []byte, headerLen int, name string, content []byte) []byte {
	dst = appendHeader(dst, headerLen, commandLength(name, len(content)))
	dst = append(dst, name...)
	dst = append(dst, ' ')
	return append(dst, content...)
}

// SplitCommand splits a payload at its first space. Name and content alias it.
//
// ok is false if there is no space or if what precedes it can be no command's
// name, since it is empty, longer than [MaxCommand] or not what [wire.ValidName]
// accepts: such a payload is a raw message. Any other raw message that has a
// space in it looks like a command, and nothing on the wire tells them apart.
func SplitCommand(payload []byte) (name, content []byte, ok bool) {
	i := bytes.IndexByte(payload[:min(len(payload), MaxCommand+1)], ' ')
	if i <= 0 || !isName(payload[:i]) {
		return nil, nil, false
	}
	return payload[:i:i], payload[i+1:], true
}

// isName is [wire.ValidName] without an error to allocate: many raw messages are
// no commands.
func isName(b []byte) bool {
	for i := 0; i < len(b); {
		r, w := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, w = utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && w == 1 {
				return false
			}
		}
		if !wire.NameRune(r) {
			return false
		}
		i += w
	}
	return len(b) > 0
}

// CheckCommand reports why no command of that name can be sent to a classic peer,
// or nil: it is empty, a space would end it early, or it has what the original
// refuses as a marker, two dollar signs with something between them. What
// [wire.ValidName] asks for is not checked again. The error is a *[wire.Error]
// with [wire.CodeBadName].
func CheckCommand(name string) error {
	switch {
	case name == "":
		return fault(wire.CodeBadName, "command", "name is empty")
	case strings.IndexByte(name, ' ') >= 0:
		return fault(wire.CodeBadName, "command "+quote(name), "a space would end the name")
	case strings.LastIndexByte(name, '$')-strings.IndexByte(name, '$') > 1:
		return fault(wire.CodeBadName, "command "+quote(name), "looks like a marker")
	}
	return nil
}

// CheckRaw reports why a raw message cannot be sent to a classic peer, or nil: it
// begins with what the original refuses as a marker, a dollar sign, one byte or
// more, and another dollar sign. The error is a *[wire.Error] with
// [wire.CodeUnsupported].
//
// A raw message with a space in it is not refused, although the other end cannot
// tell it from a command; see [SplitCommand].
func CheckRaw(payload []byte) error {
	if len(payload) > 2 && payload[0] == '$' && bytes.IndexByte(payload[2:], '$') >= 0 {
		return fault(wire.CodeUnsupported, "raw message "+quote(payload), "begins like a marker")
	}
	return nil
}
