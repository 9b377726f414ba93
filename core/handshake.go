package core

import (
	"errors"
	"io"
	"time"

	"github.com/hisock/hisock/core/internal/ahead"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// readFrame reads one frame of at most max bytes during a handshake, and leaves the bytes after
// it in rd. The body is valid until rd is used again.
func readFrame(r io.Reader, rd *reader, max int) (wire.Frame, error) {
	for {
		f, size, ok, err := wire.Next(rd.buf[rd.r:rd.w], max)
		if err != nil {
			return wire.Frame{}, wireError(err)
		}
		if ok {
			rd.r += size
			return f, nil
		}
		rd.need = size
		if err := readMore(r, rd); err != nil {
			return wire.Frame{}, err
		}
	}
}

// readMore reads once into rd, growing its buffer as far as the frame needs.
func readMore(r io.Reader, rd *reader) error {
	rd.makeRoom()
	n, err := r.Read(rd.buf[rd.w:])
	rd.w += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// readPreface reads the preface, the first four bytes of a native client. For other bytes the error says
// what they look like.
func readPreface(r io.Reader, rd *reader) *Error {
	for rd.w < len(wire.Preface) {
		if rd.w > 0 && rd.buf[0] != wire.Preface[0] {
			break
		}
		if err := readMore(r, rd); err != nil {
			return handshakeError(err)
		}
	}
	got := rd.buf[:rd.w]
	if string(got[:min(len(got), len(wire.Preface))]) == wire.Preface {
		rd.r = len(wire.Preface)
		return nil
	}
	const same = len(wire.Preface) - 1 // all but the version
	switch {
	case len(got) > same && string(got[:same]) == wire.Preface[:same]:
		return errVersion
	case looksLikeHTTP(got):
		return NewError(CodeNotNative, "an HTTP request: this port speaks hisock over plain TCP")
	case got[0] == 0x16:
		return NewError(CodeNotNative, "a TLS handshake: this port speaks hisock without TLS")
	case beginsProxy(got):
		return NewError(CodeNotNative, "a header of the PROXY protocol from an address that is not one of the listener's proxies")
	case got[0] >= '0' && got[0] <= '9':
		return NewError(CodeNotNative, "a peer of the original's protocol, which this server does not speak")
	}
	return NewError(CodeNotNative, "the first bytes are not those of a hisock client")
}

var errVersion = &Error{Code: CodeVersion, Message: "this server speaks version 1 of the protocol"}

// beginsProxy reports whether b begins like the PROXY protocol, version 1 or 2.
func beginsProxy(b []byte) bool {
	for _, first := range []string{"PROXY ", "\r\n\r\n\x00\r\nQUIT\n"} {
		if n := min(len(b), len(first)); n >= 4 && string(b[:n]) == first[:n] {
			return true
		}
	}
	return false
}

func looksLikeHTTP(b []byte) bool {
	for _, method := range []string{"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT ", "DELETE ", "PATCH ", "TRACE ", "PRI "} {
		n := min(len(b), len(method))
		if n > 2 && string(b[:n]) == method[:n] {
			return true
		}
	}
	return false
}

// handshakeError returns the error of a handshake whose bytes did not come, since a read failed with err.
func handshakeError(err error) *Error {
	switch {
	case timedOut(err):
		return NewError(CodeHelloTimeout, "no hello in time")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return NewError(CodeConnLost, "the peer left during the handshake")
	}
	return wrapError(CodeConnLost, "the handshake broke off", err)
}

// timedOut reports whether a deadline has passed.
func timedOut(err error) bool {
	t, ok := find[interface{ Timeout() bool }](err)
	return ok && t.Timeout()
}

// httpRefusal is the answer to an HTTP client at a plain port.
const httpRefusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This port speaks hisock over plain TCP, not HTTP. Browsers connect to the WebSocket port.\n"

// refusal returns the bytes that refuse a newcomer, or nil. A newcomer that does not speak the native
// protocol would not understand a frame.
func refusal(why wire.Goodbye, http bool, peer *legacyPeer) []byte {
	switch {
	case peer != nil:
		return peer.Refusal()
	case http:
		return []byte(httpRefusal)
	case why.Code == CodeNotNative, why.Code == CodeConnLost:
		return nil
	}
	return wire.AppendRefuse(nil, why)
}

// refuseTime bounds the time for telling a newcomer why it is refused.
const refuseTime = time.Second

// maxPast bounds the bytes that are read from a peer that has been refused, or whose connection has
// ended. They are read so that the peer can finish its write, and then read the reason.
const maxPast = 256 << 10

// hangUp closes a stream on which a handshake has failed. It writes say first, and waits a moment for the
// peer to read it, since the reset of a stream that is closed at once could destroy it.
// before has read the stream ahead, or is nil.
func hangUp(stream transport.Conn, say []byte, before *ahead.Reader) {
	defer stream.Close() //nolint:errcheck // nothing to be done about it
	if len(say) == 0 {
		return
	}
	stream.SetReadDeadline(time.Now().Add(refuseTime))  //nolint:errcheck // then it takes longer
	stream.SetWriteDeadline(time.Now().Add(refuseTime)) //nolint:errcheck // then it takes longer
	if _, err := stream.Write(say); err != nil {
		return
	}
	if err := stream.CloseWrite(); err != nil {
		return
	}
	buf := readBuffers.Get()
	defer readBuffers.Put(buf)
	past := 0
	if before != nil {
		before.Stop()
		for more := true; more; {
			b, err := before.Take()
			if err != nil {
				return
			}
			past += len(b)
			more = len(b) > 0
		}
	}
	for past < maxPast {
		n, err := stream.Read(buf)
		if err != nil {
			return // the peer has closed, or the deadline has passed
		}
		past += n
	}
}
