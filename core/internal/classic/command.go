package classic

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// MaxCommand is the length in bytes of the longest first word of a payload that [SplitCommand] takes for a command's
// name.
const MaxCommand = 256

// CommandSize returns the number of bytes that [AppendCommand] appends for a name and a content of content bytes, with
// the header.
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
// ok is false if there is no space, or if the first word cannot be a command's name: it is empty, longer than
// [MaxCommand], or refused by [wire.ValidName]. Then the payload is a raw message. Any other raw message with a space
// looks like a command, and nothing on the wire tells the two apart.
func SplitCommand(payload []byte) (name, content []byte, ok bool) {
	i := bytes.IndexByte(payload[:min(len(payload), MaxCommand+1)], ' ')
	if i <= 0 || !isName(payload[:i]) {
		return nil, nil, false
	}
	return payload[:i:i], payload[i+1:], true
}

// isName reports whether [wire.ValidName] accepts b. It allocates no error, since many raw messages do not begin with a
// name.
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

// CheckCommand returns an error if a command with that name cannot be sent to a classic peer: the name is empty, has a
// space, which would end it early, or contains a marker, that is two dollar signs with something between them. The rules
// of [wire.ValidName] are not checked again. The error is a *[wire.Error] with [wire.CodeBadName].
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

// CheckRaw returns an error if a raw message cannot be sent to a classic peer: the message begins like a marker, with a
// dollar sign, at least one other byte, and a second dollar sign. The error is a *[wire.Error] with
// [wire.CodeUnsupported].
//
// A raw message with a space is not refused, although the other end cannot tell it from a command; see [SplitCommand].
func CheckRaw(payload []byte) error {
	if len(payload) > 2 && payload[0] == '$' && bytes.IndexByte(payload[2:], '$') >= 0 {
		return fault(wire.CodeUnsupported, "raw message "+quote(payload), "begins like a marker")
	}
	return nil
}
