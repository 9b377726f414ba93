//go:build !js

package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	prefix    = "PROXY "                 // of version 1

	maxLine   = 107 // bytes of a header of version 1, including its line end
	minLine   = len("PROXY UNKNOWN\r\n")
	fixedSize = len(signature) + 4 // bytes of version 2: signature, command, family and length

	addrSize4    = 4 + 4 + 2 + 2
	addrSize6    = 16 + 16 + 2 + 2
	addrSizeUnix = 108 + 108
)

// A Source is the client of a proxy.
type Source struct {
	// From is the client's address, To is the address to which the client has connected. Neither is
	// valid if the proxy does not say: a health check of the proxy has no client, and a proxy may not know it.
	From, To netip.AddrPort

	// Unix reports whether the client has connected to the proxy through a Unix socket.
	Unix bool
}

// ErrNoHeader is the error for a stream that does not begin with a header.
var ErrNoHeader = errors.New("the stream does not begin with a header of the PROXY protocol")

// A HeaderReader reads one header, and no byte after it. Its buffer has 232 bytes,
// whatever length the header announces. Only one goroutine may use it at a time.
type HeaderReader struct {
	buf  [fixedSize + addrSizeUnix]byte
	n    int // bytes in buf
	over int // bytes after the addresses that have been thrown away
}

// Read reads a header. After an error of the stream, such as a passed deadline, Read may be
// called again and goes on. All other errors are final.
func (r *HeaderReader) Read(from io.Reader) (Source, error) {
	for {
		need, err := r.need()
		if err != nil {
			return Source{}, err
		}
		if need == 0 {
			break
		}
		n, err := read(from, r.buf[r.n:r.n+need])
		if n == 0 {
			return Source{}, err
		}
		r.n += n
	}
	if r.buf[0] == signature[0] {
		return r.binary(from)
	}
	return parseLine(string(r.buf[:r.n]))
}

func read(from io.Reader, p []byte) (int, error) {
	n, err := from.Read(p)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// need returns how many of the next bytes surely belong to the header. A stream without a header is
// recognised by its first bytes, because more bytes may never come.
func (r *HeaderReader) need() (int, error) {
	got := r.buf[:r.n]
	binary := begins(got, signature)
	switch {
	case !binary && !begins(got, prefix):
		return 0, ErrNoHeader
	case r.n < len(signature): // every header is longer
		return len(signature) - r.n, nil
	case binary && r.n < fixedSize:
		return fixedSize - r.n, nil
	case binary:
		size, err := r.addrSize()
		return fixedSize + size - r.n, err
	}
	switch end := bytes.IndexAny(got, "\r\n"); {
	case end >= 0 && string(got[end:]) == "\r\n":
		return 0, nil
	case r.n == maxLine, end >= 0 && string(got[end:]) != "\r":
		return 0, errors.New("a header of the PROXY protocol, version 1, has no proper end")
	case end >= 0:
		return 1, nil
	}
	return min(max(2, minLine-r.n), maxLine-r.n), nil
}

// begins reports whether got may begin with s.
func begins(got []byte, s string) bool {
	n := min(len(got), len(s))
	return string(got[:n]) == s[:n]
}

// Values of the fields of version 2: command, address family and protocol.
const (
	cmdLocal, cmdProxy             = 0, 1
	unspec, inet, inet6, unix      = 0, 1, 2, 3
	unspecProto, stream, maxFamily = 0, 1, unix
)

// addrSize returns the size of the addresses in bytes, once the fixed part has come. The header's length may
// count more bytes, which are thrown away.
func (r *HeaderReader) addrSize() (int, error) {
	version, cmd := r.buf[12]>>4, r.buf[12]&0xf
	family, proto := r.buf[13]>>4, r.buf[13]&0xf
	size := 0
	switch {
	case version != 2:
		return 0, fmt.Errorf("version %d of the PROXY protocol is not known", version)
	case cmd > cmdProxy:
		return 0, fmt.Errorf("command %d of the PROXY protocol is not known", cmd)
	case cmd == cmdLocal:
		return 0, nil
	case family > maxFamily || proto > stream+1:
		return 0, fmt.Errorf("family %d, transport %d of the PROXY protocol is not known", family, proto)
	case family == unspec || proto == unspecProto:
		return 0, nil
	case proto != stream:
		return 0, errors.New("a header of the PROXY protocol is not for a stream")
	case family == inet:
		size = addrSize4
	case family == inet6:
		size = addrSize6
	case family == unix:
		size = addrSizeUnix
	}
	if r.length() < size {
		return 0, fmt.Errorf("a header of the PROXY protocol has %d bytes of addresses, not %d", r.length(), size)
	}
	return size, nil
}

func (r *HeaderReader) length() int { return int(binary.BigEndian.Uint16(r.buf[14:])) }

// binary reads the rest of a header of version 2 whose addresses have come.
func (r *HeaderReader) binary(from io.Reader) (Source, error) {
	addrs := r.buf[fixedSize:r.n]
	scratch := r.buf[r.n:]
	if len(scratch) == 0 {
		scratch = addrs // addresses of Unix sockets, which nobody needs
	}
	for {
		left := r.length() - len(addrs) - r.over
		if left == 0 {
			break
		}
		n, err := read(from, scratch[:min(left, len(scratch))])
		if n == 0 {
			return Source{}, err
		}
		r.over += n
	}
	switch len(addrs) {
	case addrSize4:
		return Source{
			From: addrPort(netip.AddrFrom4([4]byte(addrs)), addrs[8:]),
			To:   addrPort(netip.AddrFrom4([4]byte(addrs[4:])), addrs[10:]),
		}, nil
	case addrSize6:
		return Source{
			From: addrPort(netip.AddrFrom16([16]byte(addrs)), addrs[32:]),
			To:   addrPort(netip.AddrFrom16([16]byte(addrs[16:])), addrs[34:]),
		}, nil
	}
	return Source{Unix: len(addrs) == addrSizeUnix}, nil
}

func addrPort(a netip.Addr, port []byte) netip.AddrPort {
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}

// parseLine reads a whole header of version 1.
func parseLine(line string) (Source, error) {
	fields := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	if len(fields) >= 2 && fields[1] == "UNKNOWN" { // the rest of the line is to be ignored
		return Source{}, nil
	}
	if len(fields) == 6 && (fields[1] == "TCP4" || fields[1] == "TCP6") {
		six := fields[1] == "TCP6"
		from, ok := parseEnd(fields[2], fields[4], six)
		to, ok2 := parseEnd(fields[3], fields[5], six)
		if ok && ok2 {
			return Source{From: from, To: to}, nil
		}
	}
	return Source{}, errors.New("a header of the PROXY protocol, version 1, is malformed")
}

func parseEnd(host, port string, six bool) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(host)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || a.Zone() != "" || a.Is6() != six || port[0] == '+' || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}
