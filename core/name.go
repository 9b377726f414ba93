package core

import "github.com/hisock/hisock/core/wire"

// checkCommand reports what is wrong with the name of a command, or nil.
func checkCommand(name string) *Error { return checkName(name, maxCommand) }

// checkSent is checkCommand for a command that goes to the peer.
func (c *Conn) checkSent(name string) *Error { return checkName(name, c.peer.maxCommand) }

// checkGot is checkCommand for a command that comes from the peer.
func (c *Conn) checkGot(name string) *Error { return checkName(name, c.eng.maxCommand) }

// checkName reports what is wrong with the name of a client, a group or a command.
func checkName(name string, max int) *Error {
	// Nearly all names are short and printable ASCII: do not make them pay for the rest.
	if len(name) > 0 && len(name) <= max && len(name) <= 64 && plain(name) {
		return nil
	}
	if err := wire.ValidName(name, max); err != nil {
		return wireError(err)
	}
	return nil
}

// plain reports whether s, which is not empty, is printable ASCII without a space around it.
func plain(s string) bool {
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
