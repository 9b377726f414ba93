package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// The meanings of empty answers. The original's examples use the machine's address in the local
// network. This example is reachable only from the same machine unless the user gives another address.
const (
	defaultHost = "127.0.0.1"
	defaultPort = "6969"
)

// askAddr asks for an address and a port. lowest is the lowest port that is allowed.
func askAddr(ctx context.Context, t *terminal, what string, lowest int) (host, port string, err error) {
	question := fmt.Sprintf("Address %s? (Enter for %s)", what, defaultHost)
	if host, err = t.ask(ctx, question, defaultHost, checkHost); err != nil {
		return "", "", err
	}
	question = fmt.Sprintf("Port? (Enter for %s)", defaultPort)
	port, err = t.ask(ctx, question, defaultPort, func(s string) error { return checkPort(s, lowest) })
	return strings.Trim(host, "[]"), port, err
}

// checkHost returns why s is no valid name or address of a machine, or nil. It does not check whether
// there is such a machine.
func checkHost(s string) error {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if _, err := netip.ParseAddr(bare); err == nil {
		return nil
	}
	switch {
	case len(s) > 253:
		return fmt.Errorf("it has %d characters, more than 253", len(s))
	case strings.Contains(s, "://"):
		return errors.New("it is a URL, not an address")
	case strings.Contains(s, ":"):
		return errors.New("the port is the next question, and this is no IPv6 address")
	}
	for _, r := range s {
		if r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return fmt.Errorf("%q may not be in the name of a host", r)
		}
	}
	return nil
}

func checkPort(s string, lowest int) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || int(n) < lowest {
		return fmt.Errorf("a port is a number from %d to 65535", lowest)
	}
	return nil
}

func checkName(s string) error {
	if err := wire.ValidName(s, 0); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "wire: "))
	}
	return nil
}
