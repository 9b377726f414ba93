package main

import (
	"syscall/js"
	"time"

	"github.com/hisock/hisock/core"
)

// A funcs owns functions that JavaScript can call, until release.
type funcs struct{ list []js.Func }

// export makes f a method of object. f must not block. If f panics, for instance because of an argument of
// the wrong type, the method returns an error.
func (fs *funcs) export(object js.Value, name string, f func(args []js.Value) any) {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) (result any) {
		defer func() {
			if v := recover(); v != nil {
				result = jsError(core.NewError(core.CodeInternal, name+": the Go program failed"))
			}
		}()
		return f(args)
	})
	fs.list = append(fs.list, fn)
	object.Set(name, fn)
}

func (fs *funcs) release() {
	for _, f := range fs.list {
		f.Release()
	}
	fs.list = nil
}

var (
	uint8Array = js.Global().Get("Uint8Array")
	array      = js.Global().Get("Array")
)

// jsBytes returns a copy of b that belongs to JavaScript.
func jsBytes(b []byte) js.Value {
	a := uint8Array.New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

// goBytes returns a copy of a Uint8Array.
func goBytes(a js.Value) []byte {
	b := make([]byte, a.Length())
	js.CopyBytesToGo(b, a)
	return b
}

func jsStrings(list []string) js.Value {
	a := array.New(len(list))
	for i, s := range list {
		a.SetIndex(i, s)
	}
	return a
}

func goStrings(a js.Value) []string {
	list := make([]string, a.Length())
	for i := range list {
		list[i] = a.Index(i).String()
	}
	return list
}

// jsError makes a HisockError from err, and undefined from nil. web/errors.js gives the code its name. The message is
// the peer's message for a remote error, and the whole text of err for an error of this side.
func jsError(err error) js.Value {
	if err == nil {
		return js.Undefined()
	}
	message, retryAfter, details := err.Error(), int64(0), js.Undefined()
	if e := coreError(err); e != nil {
		retryAfter = e.RetryAfter.Milliseconds()
		if raw := e.RawDetails(); raw != nil {
			details = jsBytes(raw)
		}
		if core.IsRemote(err) && e.Message != "" {
			message = e.Message
		}
	}
	return host.Call("error", int64(core.CodeOf(err)), message, core.IsRemote(err), retryAfter, details)
}

// coreError returns the first core.Error in err's chain, or nil. It replaces errors.As, which would bring
// 12 KB of reflection.
func coreError(err error) *core.Error {
	for err != nil {
		if e, ok := err.(*core.Error); ok {
			return e
		}
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok {
			return nil
		}
		err = wrapped.Unwrap()
	}
	return nil
}

// goError makes the error of a page's handler. args are the number of its code, its message, the time to wait
// in milliseconds, and its details.
func goError(args []js.Value) error {
	err := &core.Error{Code: core.Code(args[0].Float()), Message: args[1].String(), RetryAfter: time.Duration(args[2].Int()) * time.Millisecond}
	if details := args[3]; !details.IsUndefined() {
		err.Details = goBytes(details)
	}
	return err
}

// A logger hands the warnings of a client to the page.
type logger struct{ client *client }

func (logger) Debug(string, ...any) {}
func (logger) Info(string, ...any)  {}

func (l logger) Warn(msg string, args ...any) { l.client.tell("warn", append([]any{msg}, args...)...) }

func (l logger) Error(msg string, args ...any) { l.Warn(msg, args...) }
