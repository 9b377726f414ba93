package core

import (
	"context"
	"errors"
	"strconv"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// Details returns the details of the first [Error] in err's chain that has some, converted to a T.
// The codec of the connection decodes details that a peer has sent; with []byte as T they are returned
// as the peer sent them. Details of an error of this side that are not a T are
// converted as if they had travelled. It fails with [CodeBadPayload] if there are no details or if they
// do not convert.
func Details[T any](err error) (T, error) {
	var v T
	e := detailed(err)
	if e == nil {
		return v, errNoDetails
	}
	if d, ok := e.Details.(T); ok && e.Details != nil {
		return d, nil
	}
	return v, e.decodeDetails(&v)
}

// RawDetails returns the details as the peer has sent them. It returns nil if the peer did not report the error, or sent
// no details. They must not be changed. To pass an error on with its details, set them as the Details
// of another error: a []byte is sent as it is.
func (e *Error) RawDetails() []byte {
	if !e.remote {
		return nil
	}
	return e.raw
}

var errNoDetails = &Error{Code: CodeBadPayload, Message: "the error has no details"}

// detailed returns the first error in err's chain that has details, or nil.
func detailed(err error) *Error {
	for {
		e, ok := find[*Error](err)
		if !ok || e == nil {
			return nil
		}
		if e.Details != nil || e.remote && e.raw != nil {
			return e
		}
		err = e.cause
	}
}

func (e *Error) decodeDetails(v any) error {
	raw, codec := e.raw, e.codec
	if codec == nil {
		codec = convert.Default{}
	}
	if e.Details != nil {
		var err error
		if raw, err = encodeDetails(codec, e.Details); err != nil {
			return err
		}
	}
	if b := convert.BytesIn(v); b != nil {
		*b = append([]byte(nil), raw...)
		return nil
	}
	return unreadable(codec.Unmarshal(raw, v))
}

// encodeDetails converts details for the peer. Unlike in a payload, the codec converts text and numbers
// too, since a page cannot say to which type it wants them converted.
func encodeDetails(codec convert.Codec, v any) (raw []byte, err error) {
	if b, ok := convert.Bytes(v); ok {
		return b, nil
	}
	defer func() {
		if v := recover(); v != nil {
			raw, err = nil, NewError(CodeBadPayload, "the codec panicked: "+safe.Panic(v))
		}
	}()
	if raw, err = codec.Marshal(v); err != nil {
		return nil, notSendable(err)
	}
	return raw, nil
}

// packed returns err with its details as bytes, if it has details for the peer. It runs the
// program's codec.
func packed(codec convert.Codec, err error) error {
	e, ok := find[*Error](err)
	if !ok || e == nil || e.Details == nil || e.unsent != nil || e.raw != nil && !e.remote {
		return err
	}
	p := *e
	p.codec = codec
	p.raw, p.unsent = encodeDetails(codec, e.Details)
	if err != error(e) {
		p.cause = err
	}
	return &p
}

// detailsNotSent is the text of a log line about details that cannot be sent.
const detailsNotSent = "the details of an error are not sent"

// forPeer returns the part of a packed error that the peer may know. The peer reads frames of up to limit bytes.
// A handler's own [Error] is passed on. Any other error may hold paths or secrets and becomes
// "the handler failed", and so does the error of a value of this side that does not convert. left is not nil if there
// are details that cannot be sent.
func forPeer(err error, limit int) (why wire.Goodbye, left *Error) {
	e, ok := asCoded(err)
	if !ok || e == nil || e.blameless {
		switch {
		case errors.Is(err, context.Canceled):
			return wire.Goodbye{Code: CodeCanceled}, nil
		case errors.Is(err, context.DeadlineExceeded):
			return wire.Goodbye{Code: CodeDeadlineExceeded}, nil
		}
		return wire.Goodbye{Code: CodeInternal, Reason: errCrashed.Message}, nil
	}
	why = wire.Goodbye{Code: e.Code, Reason: e.Message, RetryAfter: e.RetryAfter}
	if e.Details != nil { // else raw holds details that another peer has sent
		why.Details = e.raw
	}
	size := len(why.Details)
	why, whole := why.Within(limit)
	if e.unsent != nil && e.Details != nil {
		return why, wrapError(CodeBadPayload, detailsNotSent, e.unsent)
	}
	if !whole && size > 0 {
		return why, NewError(CodeTooBig, detailsNotSent+": "+strconv.Itoa(size)+" B exceed the peer's limit "+strconv.Itoa(limit)+" B")
	}
	return why, nil
}

// fromPeer returns an error that the peer has reported, with a copy of its details.
func fromPeer(why wire.Goodbye, codec convert.Codec) *Error {
	e := remoteError(why.Code, why.Reason, why.RetryAfter)
	if len(why.Details) > 0 {
		e.raw, e.codec = append([]byte(nil), why.Details...), codec
	}
	return e
}
